import { describe, expect, it } from 'vitest';
import { calledAccount, compileCalled } from '../src/gateway/called.ts';
import { configOf } from './support/node.ts';

const config = configOf({
  data: '/tmp/never-opened',
  carriers: [{ name: 'a', protocol: 'smpp', port: 1 }],
  account: 'mo: ["1069", "95"], extensions: ["01", "0188"]',
  accounts: [
    'name: other, systemId: other, password: { demo: secret }, route: main, mo: ["10690", "106900018888"]',
    'name: third, systemId: third, password: { demo: secret }, route: main, extensions: ["018"]',
  ],
});
const called = compileCalled(config.accounts);
const account = (number: string, accessCode = ''): string | undefined => calledAccount(called, accessCode, number);

describe('called numbers', () => {
  it('belong to the account with the longest prefix', () => {
    expect(['10691', '+10690', '00106905', '95555', '1'].map((n) => account(n))).toEqual([
      'acme',
      'other',
      'other',
      'acme',
      undefined,
    ]);
  });

  it('with the country in front are the same (deviation 15)', () => {
    expect(['8610691', '+8610690', '8695555', '861'].map((n) => account(n))).toEqual([
      'acme',
      'other',
      'acme',
      undefined,
    ]);
  });

  it('extensions behind the access code: the longest of all, the code counted', () => {
    const code = '10690001';
    expect(
      ['1069000101', '10690001015', '10690001018', '106900010188', '861069000101'].map((n) => account(n, code)),
    ).toEqual(['acme', 'acme', 'third', 'acme', 'acme']);
    // A prefix of called numbers that is longer, and an extension that belongs to another access code.
    expect(account('1069000188881', code)).toBe('other');
    expect(account('1069000201', code)).toBe('other');
    expect(account('200201', '2002')).toBe('acme');
    expect(account('200201', '')).toBeUndefined();
  });
});
