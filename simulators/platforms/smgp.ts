import { timestampOf } from '../../protocols/cmpp/auth.ts';
import * as framing from '../../protocols/cmpp/header.ts';
import { HEADER, RESPONSE, SEQUENCE_ID_AT } from '../../protocols/cmpp/header.ts';
import { authenticatorClient } from '../../protocols/smgp/auth.ts';
import { FRAME } from '../../protocols/smgp/header.ts';
import { readReport } from '../../protocols/smgp/report.ts';
import { STATUS, statusOf } from '../../protocols/smgp/result.ts';
import { smgpCodec } from '../../protocols/smgp/tables.ts';
import { octetTlv, TAG, textTlv } from '../../protocols/smgp/tlv-tags.ts';
import { codingOf, hasUdh, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { putUint32 } from '../../protocols/wire/octets.ts';
import { pick } from '../../protocols/wire/plan.ts';
import { tlvUint } from '../../protocols/wire/tlv.ts';
import { partAt } from '../part.ts';
import type { PlatformLink, PlatformProtocol, PlatformSetup, PlatformSpeaker } from '../platform-protocol.ts';
import { createSubmitStencils } from '../submit-stencil.ts';
import { writerTo } from '../writer.ts';
import { createReportStates } from './report-state.ts';

const DELIVER = 0x03;
const ACTIVE_TEST = 0x04;
const EXIT = 0x06;
const LOGIN_RESP = 0x80000001;
const SUBMIT_RESP = 0x80000002;

/** MsgType of a message to phones. */
const MT = 6;
/** LoginMode: sends and receives. */
const BOTH = 2;

/** A service provider (SP) that speaks SMGP. `version`: 0x13 or 0x30. */
export function smgpPlatform(setup: PlatformSetup, version: number): PlatformProtocol {
  return {
    frame: FRAME,
    codings: ['ascii', 'gbk', 'ucs2'],
    otherCodings: [],
    lastSequence: 0x7fffffff,
    speak: (link) => speak(link, setup, version),
  };
}

function speak(link: PlatformLink, setup: PlatformSetup, version: number): PlatformSpeaker {
  const { peer } = link;
  const codec = smgpCodec(version);
  const destTermId = [''];
  const usual = [textTlv(TAG.msgSrc, setup.name)];
  const submit = codec.submit.fill({
    msgType: MT,
    needReport: setup.receipts ? 1 : 0,
    serviceId: 'SIM',
    feeType: '00',
    feeCode: '000000',
    fixedFee: '000000',
    srcTermId: setup.source,
    destTermId,
  });
  const answer = codec.deliverResp.fill({});
  const readDeliver = pick(
    codec.deliver,
    'msgId',
    'isReport',
    'msgFormat',
    'srcTermId',
    'destTermId',
    'msgContent',
    'tlvs',
  );
  const stateOfStat = createReportStates();

  const { write, writeHeaderOnly } = writerTo(peer, framing);
  const putSequence = (out: Buffer, start: number, sequence: number): void =>
    putUint32(out, start + SEQUENCE_ID_AT, sequence);

  function onDeliver(b: Buffer, start: number, end: number, sequence: number) {
    const pdu = readDeliver(b, start + HEADER, end);
    answer.msgId = pdu.msgId;
    write(codec.deliverResp, answer, sequence);
    if (pdu.isReport === 0) {
      const { octets, concat } = partAt(pdu.msgContent, hasUdh(tlvUint(pdu.tlvs, TAG.tpUdhi) ?? 0));
      const coding = codingOf(pdu.msgFormat, octets);
      return link.mo({ from: pdu.srcTermId, to: pdu.destTermId, coding, octets, concat });
    }
    const report = readReport(pdu.msgContent);
    if (report === undefined) return link.unreadable();
    link.receipt(report.id, stateOfStat(report.stat), pdu.srcTermId);
  }

  function onAnswer(b: Buffer, start: number, end: number, sequence: number) {
    const { msgId, status } = codec.submitResp.decode(b, start + HEADER, end);
    if (status === STATUS.OK) return link.accepted(sequence, msgId);
    link.refused(sequence, statusOf(status).name, status === STATUS.BUSY);
  }

  function onLoggedIn(b: Buffer, start: number, end: number) {
    const { status } = codec.loginResp.decode(b, start + HEADER, end);
    if (status === STATUS.OK) return link.bound();
    const words = `Login as ${JSON.stringify(setup.name)} was refused with ${statusOf(status).name}`;
    link.turnedAway(words, status >= STATUS.BAD_ADDRESS);
  }

  return {
    login() {
      const timestamp = timestampOf(beijingTime(Date.now()));
      const { name: clientId, secret } = setup;
      const proof = authenticatorClient(clientId, secret, timestamp);
      const login = { clientId, authenticatorClient: proof, loginMode: BOTH, timestamp, clientVersion: version };
      write(codec.login, login, link.sequence());
    },
    submit: createSubmitStencils(peer, putSequence, (template, destination, sequence) => {
      const { udhi, part, parts } = template;
      submit.msgFormat = msgFmtOf(template.coding) ?? 0;
      submit.msgContent = template.octets;
      submit.tlvs = udhi
        ? [octetTlv(TAG.tpUdhi, 1), octetTlv(TAG.pkTotal, parts), octetTlv(TAG.pkNumber, part), ...usual]
        : usual;
      destTermId[0] = destination;
      write(codec.submit, submit, sequence);
    }),
    probe: () => writeHeaderOnly(ACTIVE_TEST, link.sequence()),
    logout: () => writeHeaderOnly(EXIT, link.sequence()),
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 8);
      switch (command) {
        case SUBMIT_RESP:
          return onAnswer(b, start, end, sequence);
        case DELIVER:
          return onDeliver(b, start, end, sequence);
        case LOGIN_RESP:
          return onLoggedIn(b, start, end);
        case ACTIVE_TEST:
          return writeHeaderOnly((ACTIVE_TEST | RESPONSE) >>> 0, sequence);
        case EXIT:
          writeHeaderOnly((EXIT | RESPONSE) >>> 0, sequence);
          return peer.end();
      }
    },
  };
}
