import type { Coding } from '../protocols/text/charset.ts';

/** Text of what a data_coding says (3.4: 5.2.19, 23.038 above 0x0f); 15 is GBK by the habit of Chinese carriers. */
export function codingOf(dataCoding: number): Coding {
  switch (dataCoding) {
    case 0:
      return 'gsm7';
    case 1:
      return 'ascii';
    case 3:
      return 'latin1';
    case 8:
      return 'ucs2';
    case 15:
      return 'gbk';
    default:
      if (dataCoding < 0x10) return 'octets';
      if (dataCoding >= 0xf0) return (dataCoding & 4) === 0 ? 'gsm7' : 'octets';
      return (['gsm7', 'octets', 'ucs2', 'octets'] as const)[(dataCoding >> 2) & 3]!;
  }
}

export const DATA_CODING: Readonly<Partial<Record<Coding, number>>> = {
  gsm7: 0,
  ascii: 1,
  latin1: 3,
  ucs2: 8,
  gbk: 15,
  octets: 4,
};
