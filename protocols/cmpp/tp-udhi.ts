/**
 * Whether TP_udhi says that the content begins with a user data header: 1 by the specification, 0x40 where a gateway
 * passes on the bit of GSM 03.40 as it is (deviation 5). We write 1.
 */
export function hasUdh(tpUdhi: number): boolean {
  return (tpUdhi & 0x41) !== 0;
}
