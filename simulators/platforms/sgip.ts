import { encodeFrame, FRAME, frameSize, HEADER, writeHeader } from '../../protocols/sgip/header.ts';
import { reportedState } from '../../protocols/sgip/report.ts';
import { RESULT, sgipResult } from '../../protocols/sgip/result.ts';
import { nodeIdOf } from '../../protocols/sgip/sequence.ts';
import { LOGIN_TYPE, sgipCodec } from '../../protocols/sgip/tables.ts';
import { STATE, stateOf } from '../../protocols/smpp/receipt.ts';
import { codingOf, hasUdh, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { fingerprint } from '../fingerprints.ts';
import { partAt } from '../part.ts';
import type { Peer } from '../peer.ts';
import type { Inbox, PlatformLink, PlatformProtocol, PlatformSetup, PlatformSpeaker } from '../platform-protocol.ts';
import { COUNTERS, createSgipSequences, sequenceAt } from '../sgip-sequence.ts';
import { createSubmitStencils } from '../submit-stencil.ts';

/**
 * A service provider (SP) that speaks SGIP 1.2: it submits on connections of its own, and takes reports and MO on these
 * and on those that the gateway opens to it.
 */
export function sgipPlatform(setup: PlatformSetup): PlatformProtocol {
  // Each account is a node of its own: its numbers must be nobody else's.
  const corpId = String(fingerprint(setup.name) % 100_000).padStart(5, '0');
  return {
    frame: FRAME,
    codings: ['ascii', 'ucs2'],
    otherCodings: ['gbk'],
    lastSequence: COUNTERS - 1,
    speak: (link) => speak(link, setup, corpId),
    hear: (peer, inbox) => hear(peer, inbox, setup),
  };
}

const codec = sgipCodec();
const answer = { result: 0, reserve: '' };

function write<F extends Fields>(peer: Peer, plan: Plan<F>, value: Values<F>, sequence: string): void {
  peer.room(frameSize(plan, value));
  peer.at = encodeFrame(plan, value, sequence, peer.out, peer.at);
}

function answerWith(
  peer: Peer,
  plan: Plan<typeof codec.submitResp.table.fields>,
  result: number,
  b: Buffer,
  start: number,
): void {
  answer.result = result;
  write(peer, plan, answer, sequenceAt(b, start));
}

function speak(link: PlatformLink, setup: PlatformSetup, corpId: string): PlatformSpeaker {
  const { peer } = link;
  const sequences = createSgipSequences(nodeIdOf('010', corpId) ?? 0, link.index);
  const userNumber = [''];
  const submit = codec.submit.fill({
    spNumber: setup.source,
    chargeNumber: '0'.repeat(21),
    userNumber,
    corpId,
    serviceType: 'SIM',
    feeType: 1,
    feeValue: '0',
    givenValue: '0',
    morelatetoMtFlag: 2,
    reportFlag: setup.receipts ? 1 : 2,
  });
  const next = (): string => sequences.of(link.sequence());

  return {
    login() {
      const { name: loginName, secret: loginPassword } = setup;
      write(peer, codec.bind, { loginType: LOGIN_TYPE.SP_TO_SMG, loginName, loginPassword, reserve: '' }, next());
    },
    submit: createSubmitStencils(peer, sequences.put, (template, destination, sequence) => {
      submit.tpUdhi = template.udhi ? 1 : 0;
      submit.messageCoding = msgFmtOf(template.coding) ?? 0;
      submit.messageContent = template.octets;
      userNumber[0] = destination;
      write(peer, codec.submit, submit, sequences.of(sequence));
    }),
    // There is no such thing in SGIP.
    probe: () => undefined,
    logout() {
      peer.room(HEADER);
      peer.at = writeHeader(peer.out, peer.at, HEADER, codec.unbind.id, next());
    },
    onFrame(b, start, end) {
      switch (b.readUInt32BE(start + 4)) {
        case codec.submitResp.id: {
          const { result } = codec.submitResp.decode(b, start + HEADER, end);
          const sequence = sequences.counterAt(b, start);
          // The message is named by the sequence number that we gave it.
          if (result === RESULT.OK) return link.accepted(sequence, sequenceAt(b, start));
          const { name, class: kind } = sgipResult(result);
          return link.refused(sequence, name, kind === 'throttle');
        }
        case codec.bindResp.id: {
          const { result } = codec.bindResp.decode(b, start + HEADER, end);
          if (result === RESULT.OK) return link.bound();
          const words = `Bind as ${JSON.stringify(setup.name)} was refused with ${sgipResult(result).name}`;
          return link.turnedAway(words, result === RESULT.BAD_LOGIN);
        }
        default:
          return onDelivery(peer, link, b, start, end);
      }
    },
  };
}

/** A connection that the gateway has opened to us. */
function hear(peer: Peer, inbox: Inbox, setup: PlatformSetup): (b: Buffer, start: number, end: number) => void {
  let bound = false;
  return (b, start, end) => {
    if (b.readUInt32BE(start + 4) === codec.bind.id) {
      const { loginType, loginName, loginPassword } = codec.bind.decode(b, start + HEADER, end);
      let result: number = RESULT.OK;
      if (bound) result = RESULT.LOGGED_IN_ALREADY;
      else if (loginName !== setup.name || loginPassword !== setup.secret) result = RESULT.BAD_LOGIN;
      else if (loginType !== LOGIN_TYPE.SMG_TO_SP) result = RESULT.BAD_LOGIN_TYPE;
      answerWith(peer, codec.bindResp, result, b, start);
      if (result === RESULT.OK) bound = true;
      else peer.end();
    } else if (bound) onDelivery(peer, inbox, b, start, end);
    else peer.end();
  };
}

/** What comes on either kind of connection. */
function onDelivery(peer: Peer, inbox: Inbox, b: Buffer, start: number, end: number) {
  switch (b.readUInt32BE(start + 4)) {
    case codec.report.id: {
      const { submitSequenceNumber, state, errorCode, userNumber } = codec.report.decode(b, start + HEADER, end);
      answerWith(peer, codec.reportResp, RESULT.OK, b, start);
      return inbox.receipt(submitSequenceNumber, stateOf(reportedState(state, errorCode)) ?? STATE.unknown, userNumber);
    }
    case codec.deliver.id: {
      const pdu = codec.deliver.decode(b, start + HEADER, end);
      answerWith(peer, codec.deliverResp, RESULT.OK, b, start);
      const { octets, concat } = partAt(pdu.messageContent, hasUdh(pdu.tpUdhi));
      const { userNumber: from, spNumber: to, messageCoding } = pdu;
      return inbox.mo({ from, to, coding: codingOf(messageCoding, octets), octets, concat });
    }
    case codec.userRpt.id:
      return answerWith(peer, codec.userRptResp, RESULT.OK, b, start);
    case codec.unbind.id:
      peer.room(HEADER);
      peer.at = writeHeader(peer.out, peer.at, HEADER, codec.unbindResp.id, sequenceAt(b, start));
      return peer.end();
  }
}
