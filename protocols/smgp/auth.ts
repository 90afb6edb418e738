import { md5, same, timestampText } from '../cmpp/auth.ts';

const SEVEN_ZEROS = Buffer.alloc(7);

/**
 * AuthenticatorClient of Login (3.0: 6.2.1.1): MD5 of ClientID, seven zero octets, the secret and the ten digits of
 * TimeStamp. Returns 16 octets as a Latin-1 string.
 */
export function authenticatorClient(clientId: string, secret: string, timestamp: number): string {
  return md5(Buffer.from(clientId, 'latin1'), SEVEN_ZEROS, secret, timestampText(timestamp));
}

/** Whether a client knows the secret. */
export function verifyClient(
  login: { readonly clientId: string; readonly authenticatorClient: string; readonly timestamp: number },
  secret: string,
): boolean {
  return same(login.authenticatorClient, authenticatorClient(login.clientId, secret, login.timestamp));
}

/**
 * How a server has put Status into AuthenticatorServer. `keyless`: a refusal hashed without the secret; `empty`: zeros,
 * or nothing, as refusals have. Neither proves anything.
 */
export type ServerForm = 'uint32' | 'octet' | 'uint64le' | 'keyless' | 'empty';

function statusOctets(form: 'uint32' | 'octet' | 'uint64le', status: number): Buffer {
  if (form === 'octet') return Buffer.of(status);
  const octets = Buffer.alloc(form === 'uint32' ? 4 : 8);
  if (form === 'uint32') octets.writeUInt32BE(status);
  else octets.writeUInt32LE(status);
  return octets;
}

/**
 * AuthenticatorServer of Login_Resp: MD5 of the four octets of Status, AuthenticatorClient and the secret; sixteen zeros
 * where the login is refused. 16 octets as a Latin-1 string, like `client`.
 */
export function authenticatorServer(status: number, client: string, secret: string): string {
  return status === 0 ? md5(statusOctets('uint32', status), Buffer.from(client, 'latin1'), secret) : '\0'.repeat(16);
}

/**
 * In which of the field's forms the server has filled AuthenticatorServer; undefined: in none for this secret. A reason
 * to log, none to refuse a login (deviation 6).
 */
export function verifyServer(
  answer: { readonly status: number; readonly authenticatorServer: string },
  client: string,
  secret: string,
): ServerForm | undefined {
  const { status, authenticatorServer: shown } = answer;
  if (/^\0*$/.test(shown)) return 'empty';
  const source = Buffer.from(client, 'latin1');
  for (const form of ['uint32', 'octet', 'uint64le'] as const) {
    if (form === 'octet' && status > 0xff) continue;
    if (same(shown, md5(statusOctets(form, status), source, secret))) return form;
  }
  return same(shown, md5(statusOctets('uint32', status), source)) ? 'keyless' : undefined;
}
