import { authenticatorSource, timestampOf, timestampText } from '../../protocols/cmpp/auth.ts';
import * as framing from '../../protocols/cmpp/header.ts';
import { FRAME, HEADER, RESPONSE, SEQUENCE_ID_AT } from '../../protocols/cmpp/header.ts';
import { readReport } from '../../protocols/cmpp/report.ts';
import { RESULT, submitResult } from '../../protocols/cmpp/result.ts';
import { cmppCodec } from '../../protocols/cmpp/tables.ts';
import { codingOf, hasUdh, msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { putUint32 } from '../../protocols/wire/octets.ts';
import { pick } from '../../protocols/wire/plan.ts';
import { partAt } from '../part.ts';
import type { PlatformLink, PlatformProtocol, PlatformSetup, PlatformSpeaker } from '../platform-protocol.ts';
import { createSubmitStencils } from '../submit-stencil.ts';
import { writerTo } from '../writer.ts';
import { createReportStates } from './report-state.ts';

const TERMINATE = 0x02;
const DELIVER = 0x05;
const ACTIVE_TEST = 0x08;
const CONNECT_RESP = 0x80000001;
const SUBMIT_RESP = 0x80000004;

/** A service provider (SP) that speaks CMPP. `version`: 0x20, 0x21 or 0x30. */
export function cmppPlatform(setup: PlatformSetup, version: number): PlatformProtocol {
  return {
    frame: FRAME,
    codings: ['ascii', 'ucs2'],
    otherCodings: ['gbk'],
    lastSequence: 0x7fffffff,
    speak: (link) => speak(link, setup, version),
  };
}

function speak(link: PlatformLink, setup: PlatformSetup, version: number): PlatformSpeaker {
  const { peer } = link;
  const codec = cmppCodec(version);
  const destTerminalId = [''];
  const submit = codec.submit.fill({
    registeredDelivery: setup.receipts ? 1 : 0,
    serviceId: 'SIM',
    msgSrc: setup.name,
    feeType: '01',
    feeCode: '000000',
    srcId: setup.source,
    destTerminalId,
  });
  const answer = codec.deliverResp.fill({});
  const readDeliver = pick(
    codec.deliver,
    'msgId',
    'destId',
    'tpUdhi',
    'msgFmt',
    'srcTerminalId',
    'registeredDelivery',
    'msgContent',
  );
  const stateOfStat = createReportStates();

  const { write, writeHeaderOnly } = writerTo(peer, framing);
  const putSequence = (out: Buffer, start: number, sequence: number): void =>
    putUint32(out, start + SEQUENCE_ID_AT, sequence);

  function onDeliver(b: Buffer, start: number, end: number, sequence: number) {
    const pdu = readDeliver(b, start + HEADER, end);
    answer.msgId = pdu.msgId;
    write(codec.deliverResp, answer, sequence);
    if (pdu.registeredDelivery === 0) {
      const { octets, concat } = partAt(pdu.msgContent, hasUdh(pdu.tpUdhi));
      const coding = codingOf(pdu.msgFmt, octets);
      return link.mo({ from: pdu.srcTerminalId, to: pdu.destId, coding, octets, concat });
    }
    const report = readReport(pdu.msgContent);
    if (report === undefined) return link.unreadable();
    link.receipt(report.msgId, stateOfStat(report.stat), report.destTerminalId);
  }

  function onAnswer(b: Buffer, start: number, end: number, sequence: number) {
    const { msgId, result } = codec.submitResp.decode(b, start + HEADER, end);
    if (result === RESULT.OK) return link.accepted(sequence, msgId);
    link.refused(sequence, submitResult(result, version).name, result === RESULT.FLOW_CONTROL);
  }

  function onConnected(b: Buffer, start: number, end: number) {
    const { status } = codec.connectResp.decode(b, start + HEADER, end);
    if (status === 0) return link.bound();
    link.turnedAway(`CMPP_CONNECT as ${JSON.stringify(setup.name)} was refused with ${status}`, status < 5);
  }

  return {
    login() {
      const timestamp = timestampOf(beijingTime(Date.now()));
      const proof = authenticatorSource(setup.name, setup.secret, timestampText(timestamp));
      const connect = { sourceAddr: setup.name, authenticatorSource: proof, version, timestamp };
      write(codec.connect, connect, link.sequence());
    },
    submit: createSubmitStencils(peer, putSequence, (template, destination, sequence) => {
      submit.pkTotal = template.parts;
      submit.pkNumber = template.part;
      submit.tpUdhi = template.udhi ? 1 : 0;
      submit.msgFmt = msgFmtOf(template.coding) ?? 0;
      submit.msgContent = template.octets;
      destTerminalId[0] = destination;
      write(codec.submit, submit, sequence);
    }),
    probe: () => writeHeaderOnly(ACTIVE_TEST, link.sequence()),
    logout: () => writeHeaderOnly(TERMINATE, link.sequence()),
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const sequence = b.readUInt32BE(start + 8);
      switch (command) {
        case SUBMIT_RESP:
          return onAnswer(b, start, end, sequence);
        case DELIVER:
          return onDeliver(b, start, end, sequence);
        case CONNECT_RESP:
          return onConnected(b, start, end);
        case ACTIVE_TEST:
          return write(codec.activeTestResp, { reserved: 0 }, sequence);
        case TERMINATE:
          writeHeaderOnly((TERMINATE | RESPONSE) >>> 0, sequence);
          return peer.end();
      }
    },
  };
}
