import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { hashPassword } from '../config/secret.ts';
import { Complaint } from './complaint.ts';

export function hashCommand(): Command {
  return new Command('hash')
    .description("hash an account's password, read from standard input, for password: { scrypt: … }")
    .action(async () => {
      if (process.stdin.isTTY) process.stderr.write('password, then Ctrl-D (it is shown): ');
      const password = (await text(process.stdin)).replace(/\r?\n$/, '');
      if (password === '') throw new Complaint('no password on standard input; try: printf %s "$PASSWORD" | yima hash');
      process.stdout.write(`${hashPassword(password)}\n`);
    });
}
