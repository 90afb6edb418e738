import { encode, holds } from '../protocols/text/charset.ts';
import { msgFmtOf } from '../protocols/text/msg-fmt.ts';
import { limitsFor, segment } from '../protocols/text/segment.ts';
import { concatUdh } from '../protocols/text/udh.ts';
import type { Mo, MoPart } from './protocol.ts';

let nextRef = 0;

/** The PDUs of an MO in the formats that CMPP, SGIP and SMGP share. Throws RangeError for what these cannot carry. */
export function cutMo(mo: Mo): MoPart[] {
  if (mo.long === 'payload') throw new RangeError('injectMo: only SMPP has message_payload; use udh or udh16');
  const coding = mo.coding ?? (holds(mo.text, 'ascii') ? 'ascii' : 'ucs2');
  const dataCoding = msgFmtOf(coding);
  const octets = encode(mo.text, coding);
  if (dataCoding === undefined || octets === undefined) {
    throw new RangeError(`injectMo: ${coding} cannot carry this text here; use ascii, gbk, ucs2 or octets`);
  }
  const wide = mo.long === 'udh16';
  const parts = segment(octets, coding, limitsFor(coding, wide ? 7 : 6));
  if (parts.length === 1) return [{ dataCoding, udhi: false, octets, payload: false }];
  nextRef = (nextRef + 1) & 0xffff;
  return parts.map((part, k) => ({
    dataCoding,
    udhi: true,
    octets: Buffer.concat([concatUdh(nextRef, parts.length, k + 1, wide), part]),
    payload: false,
  }));
}
