/** Something the user has to know and do about: printed as one line on standard error, without a stack. */
export class Complaint extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'Complaint';
    this.exitCode = exitCode;
  }
}
