/** An optional parameter as octets: tag, length (that of the value unless another is wanted), value. */
export function parameter(tag: number, value: Buffer, length = value.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(tag, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, value]);
}
