import { createHmac, randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PasswordRef, SecretRef } from './schema.ts';

/** A secret that is referred to but cannot be had: names the variable or file, never a value. */
export class SecretFault extends Error {
  override readonly name = 'SecretFault';
}

/**
 * The text a reference stands for: of an environment variable, of a file (less one newline at its end), or in clear.
 * Read anew at every call, so that a rotated secret counts from the next bind on.
 * @throws SecretFault if the variable is not set, the file cannot be read, or either is empty
 */
export function resolveSecret(ref: SecretRef, environment: NodeJS.ProcessEnv = process.env): string {
  if ('demo' in ref) return ref.demo;
  if ('env' in ref) {
    const value = environment[ref.env];
    if (value === undefined) throw new SecretFault(`environment variable ${ref.env} is not set`);
    if (value === '') throw new SecretFault(`environment variable ${ref.env} is empty`);
    return value;
  }
  let text: string;
  try {
    text = readFileSync(ref.file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new SecretFault(`cannot read the secret file ${ref.file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (text === '') throw new SecretFault(`the secret file ${ref.file} is empty`);
  return text;
}

interface Hash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** A verification may take this much memory, about 128·N·r octets; the default limit of node is 32 MiB. */
const MAX_MEMORY = 256 * 2 ** 20;
const NEW = { N: 2 ** 14, r: 8, p: 1 };

/** Reads `scrypt$N$r$p$saltBase64$hashBase64`; undefined where it is not one or asks for more than it may. */
export function parseHash(text: string): Hash | undefined {
  const [kind, cost, block, lanes, salt, hash, ...rest] = text.split('$');
  if (kind !== 'scrypt' || salt === undefined || hash === undefined || rest.length > 0) return undefined;
  const [N, r, p] = [Number(cost), Number(block), Number(lanes)];
  const log2 = Math.log2(N);
  // RFC 7914 section 2: N is a power of 2 above 1 and below 2^(16 r).
  const legal = [log2, r, p].every((value) => Number.isInteger(value) && value >= 1) && log2 < 16 * r;
  if (!legal || p > 16 || 128 * r * (N + p + 2) > MAX_MEMORY) return undefined;
  const parsed = { N, r, p, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
  return parsed.salt.length >= 8 && parsed.hash.length >= 16 ? parsed : undefined;
}

/** `scrypt$N$r$p$saltBase64$hashBase64` of a password, with a fresh salt. Blocks for some 50 ms: for the command line. */
export function hashPassword(text: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(text, salt, 32, NEW);
  return `scrypt$${NEW.N}$${NEW.r}$${NEW.p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

// A platform that rebinds ten connections after a restart must not cost ten times 50 ms: the last good password of
// each hash is remembered as a digest under a key of this process, never as text.
const digestKey = randomBytes(32);
const digest = (text: string): Buffer => createHmac('sha256', digestKey).update(text).digest();
const MAX_REMEMBERED = 10_000;
const lastGood = new Map<string, Buffer>();
const inFlight = new Map<string, Promise<boolean>>();
// One at a time: scrypt works on the thread pool that the store commits on, and wrong passwords must not slow that.
let queue: Promise<unknown> = Promise.resolve();

function matches({ N, r, p, salt, hash }: Hash, given: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    scrypt(given, salt, hash.length, { N, r, p, maxmem: MAX_MEMORY }, (error, derived) => {
      if (error) reject(error);
      else resolve(timingSafeEqual(derived, hash));
    });
  });
}

/** Passwords that wait, at some 50 ms each: a bind that would wait longer has gone before its turn. */
const MAX_WAITING = 200;

function verifyHash(text: string, parsed: Hash, given: string): boolean | 'busy' | Promise<boolean> {
  const givenDigest = digest(given);
  const known = lastGood.get(text);
  if (known !== undefined && timingSafeEqual(known, givenDigest)) return true;
  const key = `${text} ${givenDigest.toString('base64')}`;
  const running = inFlight.get(key);
  if (running !== undefined) return running;
  if (inFlight.size >= MAX_WAITING) return 'busy';
  const verification = queue
    .then(() => matches(parsed, given))
    .then((good) => {
      if (good) {
        if (lastGood.size >= MAX_REMEMBERED) lastGood.clear();
        lastGood.set(text, givenDigest);
      }
      return good;
    })
    .finally(() => inFlight.delete(key));
  inFlight.set(key, verification);
  queue = verification.catch(() => false);
  return verification;
}

/**
 * Whether a digest that a peer has shown is made with the account's password: `digestOf` says so of a secret. Of a
 * password that is known by its hash only none can be made.
 * @throws SecretFault if the reference cannot be resolved
 */
export function verifyDigest(ref: PasswordRef, digestOf: (secret: string) => boolean): boolean {
  return !('scrypt' in ref) && digestOf(resolveSecret(ref));
}

/**
 * Whether a password is the account's, in time that does not depend on how much of it is right. A hash may also stand
 * in the file or variable. Answers at once where no scrypt run is needed: for plain references, and for the last good
 * password of a hash. `busy`: too many are waiting to be verified.
 * @throws SecretFault (or rejects) if the reference cannot be resolved
 */
export function verifyPassword(ref: PasswordRef, given: string): boolean | 'busy' | Promise<boolean> {
  const expected = 'scrypt' in ref ? ref.scrypt : resolveSecret(ref);
  const parsed = parseHash(expected);
  if (parsed !== undefined) return verifyHash(expected, parsed, given);
  // A hash that cannot be read must not count as a password in clear.
  if ('scrypt' in ref) return false;
  return timingSafeEqual(digest(expected), digest(given));
}
