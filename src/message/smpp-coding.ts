import type { Coding } from '../../protocols/text/charset.ts';

/** How the octets under a data_coding are coded (5.2.19, and GSM 03.38 for what SMPP leaves open). */
export function codingOf(dataCoding: number, alphabet: 'gsm7' | 'latin1' | 'ascii', octets: Uint8Array): Coding {
  let coding: Coding;
  switch (dataCoding) {
    case 0:
      coding = alphabet;
      break;
    case 1:
      coding = 'ascii';
      break;
    case 3:
      coding = 'latin1';
      break;
    case 8:
      coding = 'ucs2';
      break;
    default:
      if (dataCoding >= 0xf0) coding = (dataCoding & 4) === 0 ? 'gsm7' : 'octets';
      else if (dataCoding >= 0xc0) coding = dataCoding >= 0xe0 ? 'ucs2' : 'gsm7';
      else if (dataCoding >= 0x10 && dataCoding <= 0x1f) {
        const bits = (dataCoding >> 2) & 3;
        coding = bits === 0 ? 'gsm7' : bits === 2 ? 'ucs2' : 'octets';
      } else coding = 'octets';
  }
  // Octets that are no septets: the sender means Latin-1, whatever it says.
  if (coding === 'gsm7') {
    for (let i = 0; i < octets.length; i++) if (octets[i]! > 0x7f) return 'latin1';
  }
  return coding;
}

/** The data_coding that says this coding to a peer. */
export function dataCodingOf(coding: Coding, alphabet: 'gsm7' | 'latin1' | 'ascii'): number {
  if (coding === alphabet) return 0;
  switch (coding) {
    case 'ascii':
      return 1;
    case 'latin1':
      return 3;
    case 'ucs2':
      return 8;
    case 'octets':
      return 4;
    default:
      return 0;
  }
}
