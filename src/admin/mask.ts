/** A phone number as logs and lists show it: the first three and the last two digits. Short ones are hidden but for their length. */
export function maskNumber(number: string): string {
  if (number.length < 7) return '*'.repeat(number.length);
  return `${number.slice(0, 3)}${'*'.repeat(number.length - 5)}${number.slice(-2)}`;
}
