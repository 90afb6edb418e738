import type { Session, SessionOwner } from './session.ts';

/** Put as a verdict's tag: the peer that bound is a carrier, not a platform. */
export const FROM_CARRIER = Symbol('a carrier that dials in');

/**
 * One owner for a listener on which both platforms and carriers bind: an SGIP gateway dials its service provider for
 * reports and MO (SGIP 1.2, 3.2), as a platform of ours dials us to submit. The bind's verdict says which it is.
 */
export function ownerBySide<P, C>(platforms: SessionOwner<P>, carriers: SessionOwner<C>): SessionOwner<P | C> {
  const ofCarriers = new WeakSet<Session<P | C>>();
  const ownerOf = (session: Session<P | C>): SessionOwner<P | C> =>
    (ofCarriers.has(session) ? carriers : platforms) as SessionOwner<P | C>;
  return {
    onBound(session) {
      if (session.tag === FROM_CARRIER) ofCarriers.add(session);
      ownerOf(session).onBound(session);
    },
    onRequest: (session, pdu, value, sequence) => ownerOf(session).onRequest(session, pdu, value, sequence),
    onNotice: (session, pdu, value) => ownerOf(session).onNotice?.(session, pdu, value),
    onAnswer: (session, token, pdu, value, status, elapsedMs) =>
      ownerOf(session).onAnswer(session, token, pdu, value, status, elapsedMs),
    onExpired: (session, token) => ownerOf(session).onExpired(session, token),
    onLate: (session, token, pdu, value, status) => ownerOf(session).onLate(session, token, pdu, value, status),
    onLost: (session, token) => ownerOf(session).onLost(session, token),
    onRoom: (session) => ownerOf(session).onRoom(session),
    onClosed: (session, reason, wasBound) => ownerOf(session).onClosed(session, reason, wasBound),
  };
}
