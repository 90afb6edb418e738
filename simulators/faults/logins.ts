import type { Behaviour } from '../behaviour.ts';
import type { AccountBook, Codes } from '../protocol.ts';

/** Why a login is refused that comes too early or is one too many: a code, or 0. Counts it. */
export function refusal(rules: Behaviour, book: AccountBook, codes: Codes, at: number): number {
  const { refuseBind, sessionLimit } = rules;
  if (++book.logins <= refuseBind.first) return refuseBind.code || codes.bindFailed;
  const most = Math.min(book.account.maxSessions ?? Infinity, sessionLimit.most || Infinity);
  if (book.ghosts.length > 0) book.ghosts = book.ghosts.filter((until) => until > at);
  return book.sessions.length + book.ghosts.length >= most ? sessionLimit.code || codes.tooManySessions : 0;
}
