import { submitResult } from '../protocols/cmpp/result.ts';
import { CMPP_30 } from '../protocols/cmpp/tables.ts';
import { sgipResult } from '../protocols/sgip/result.ts';
import { statusOf } from '../protocols/smgp/result.ts';
import { statusName } from '../protocols/smpp/status.ts';
import type { CarrierProtocol } from './carrier.ts';

const NAMES: Readonly<Record<CarrierProtocol, (code: number) => string>> = {
  smpp: (code) => `0x${code.toString(16)} ${statusName(code)}`,
  cmpp: (code) => `${code} ${submitResult(code, CMPP_30).name}`,
  sgip: (code) => `${code} ${sgipResult(code).name}`,
  smgp: (code) => `${code} ${statusOf(code).name}`,
};

/** The code of a refused submit as its protocol's people write it, and its name in the specification. */
export const codeName = (protocol: CarrierProtocol, code: number): string => NAMES[protocol](code);
