/** A message id as it can be shown and written: ids of raw octets (CMPP, SGIP, SMGP) in hexadecimal. */
export function printableId(id: string): string {
  return /^[!-~]*$/.test(id) ? id : Buffer.from(id, 'latin1').toString('hex');
}
