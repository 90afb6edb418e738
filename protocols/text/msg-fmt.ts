import { type Coding, decode } from './charset.ts';

/** How the content of a Msg_Fmt (MessageCoding, MsgFormat: the Chinese carriers share the octet) reads. */
export type Content = 'ascii' | 'gbk' | 'ucs2' | 'octets';

/**
 * Msg_Fmt to coding (CMPP 2.0: 7.4.3.1; SGIP and SMGP say the same in fewer words). 3 writes a SIM card; 15 is GB; the rest is the data coding of GSM 03.38 by its
 * bits 3 and 2, which gives 0 ASCII, 4 binary, 8 UCS2, 16 and 24 their flash forms, and 0xF4 to 0xF7 binary.
 */
export function contentOf(msgFmt: number): Content {
  if (msgFmt === 3) return 'octets';
  switch (msgFmt & 0x0c) {
    case 0x00:
      return 'ascii';
    case 0x04:
      return 'octets';
    case 0x08:
      return 'ucs2';
    default:
      return 'gbk';
  }
}

/** Msg_Fmt of a coding; undefined where there is none. `flash`: class 0, shown at once (GB has no such form). */
export function msgFmtOf(coding: Coding, flash = false): number | undefined {
  switch (coding) {
    case 'ascii':
      return flash ? 16 : 0;
    case 'ucs2':
      return flash ? 24 : 8;
    case 'gbk':
      return 15;
    case 'octets':
      return 4;
    default:
      return undefined;
  }
}

/**
 * Coding that these octets (without header) really have: what says ASCII and is not is GB where that reads, else
 * Latin-1.
 */
export function codingOf(msgFmt: number, octets: Uint8Array): Coding {
  const content = contentOf(msgFmt);
  if (content !== 'ascii' || octets.every((octet) => octet < 0x80)) return content;
  return decode(octets, 'gbk').includes('\ufffd') ? 'latin1' : 'gbk';
}

/**
 * Whether TP_udhi says that the content begins with a user data header: 1 by the specifications, 0x40 where a gateway
 * passes on the bit of GSM 03.40 as it is. We write 1.
 */
export function hasUdh(tpUdhi: number): boolean {
  return (tpUdhi & 0x41) !== 0;
}
