import { verifyIsmg } from '../../../protocols/cmpp/auth.ts';
import { msgIdParts } from '../../../protocols/cmpp/msg-id.ts';
import { CMPP_30, cmppCodec } from '../../../protocols/cmpp/tables.ts';
import { bodyOf } from '../body.ts';
import { type Bench, fail, notApplicable } from '../check.ts';
import { accepted } from '../common/submits.ts';
import { COMMAND } from './tongue.ts';

// What is CMPP's own: the proof of a gateway, its ids, QUERY and CANCEL.

/** AuthenticatorISMG proves that the gateway knows the secret, and the answer has the layout of the version. */
export async function proofOfGateway(bench: Bench): Promise<void> {
  const { tongue, account } = bench;
  const wire = await bench.open();
  const login = bench.request(COMMAND.connect, tongue.loginBody(account, {}));
  wire.send(login);
  const answer = await bench.answerTo(wire, login);
  const size = tongue.version < CMPP_30 ? 30 : 33;
  if (answer.octets.length !== size) fail(`a CONNECT_RESP of ${answer.octets.length} octets, not ${size}`);
  const resp = cmppCodec(tongue.version).connectResp.decode(answer.body, 0, answer.body.length);
  if (resp.status !== 0) fail(`refused with ${resp.status}`);
  const form = verifyIsmg(resp, login.toString('latin1', 18, 34), account.secret);
  if (form === undefined) fail('AuthenticatorISMG is the digest of another secret, or of none');
  if (form === 'empty') fail('AuthenticatorISMG is empty, though the login was accepted');
}

/** The version in the answer is one that the gateway speaks. */
export async function tellsVersion(bench: Bench): Promise<void> {
  const { tongue, account } = bench;
  const wire = await bench.open();
  const login = bench.request(COMMAND.connect, tongue.loginBody(account, {}));
  wire.send(login);
  const { body } = await bench.answerTo(wire, login);
  const version = body[body.length - 1]!;
  if (![0x20, 0x21, 0x30].includes(version)) fail(`version 0x${version.toString(16)}`);
}

/** Clients of 2.0 that say 0x00 or 0x01, and 2.1: taken in the layout of 2.0, or refused. */
export async function oddVersions(bench: Bench): Promise<void> {
  for (const version of [0x00, 0x01, 0x21]) {
    const wire = await bench.open();
    const login = bench.request(COMMAND.connect, bench.tongue.loginBody(bench.account, { version }));
    wire.send(login);
    const answer = await bench.answerTo(wire, login);
    if (bench.tongue.code(answer) === 0 && answer.octets.length !== 30) {
      fail(`0x${version.toString(16)} was answered in ${answer.octets.length} octets; 2.x has 30`);
    }
    wire.end();
  }
}

/** A Msg_Id is a time, a gateway and a number. */
export async function idForm(bench: Bench): Promise<void> {
  const { answer } = await accepted(bench);
  const { month, day, hour, minute, second } = msgIdParts(answer.body.toString('latin1', 0, 8));
  const good = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60;
  if (!good) fail(`Msg_Id has month ${month}, day ${day}, time ${hour}:${minute}:${second}`);
}

/** QUERY of a day: the same time, type and code, and eight figures. */
export async function query(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const codec = cmppCodec(bench.tongue.version);
  const asked = { time: '20260101', queryType: 0, queryCode: '', reserve: '' };
  const request = bench.request(COMMAND.query, bodyOf(codec.query, asked));
  wire.send(request);
  const answer = await bench.answerOrEnd(wire, request);
  if (answer === undefined && wire.closed) notApplicable('the target ends the connection: it has no QUERY');
  if (answer === undefined) fail('no answer');
  if (answer.octets.length !== 63) fail(`a QUERY_RESP of ${answer.octets.length} octets, not 63`);
  const resp = codec.queryResp.decode(answer.body, 0, answer.body.length);
  if (resp.time !== asked.time || resp.queryType !== 0)
    fail(`the answer is about ${resp.time}, type ${resp.queryType}`);
}

/** CANCEL of an unknown message: Success_Id 1, in the layout of the version. */
export async function cancelUnknown(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const request = bench.request(COMMAND.cancel, Buffer.from('ffffffffffffffff', 'hex'));
  wire.send(request);
  const answer = await bench.answerOrEnd(wire, request);
  if (answer === undefined && wire.closed) notApplicable('the target ends the connection: it has no CANCEL');
  if (answer === undefined) fail('no answer');
  const size = bench.tongue.version < CMPP_30 ? 13 : 16;
  if (answer.octets.length !== size) fail(`a CANCEL_RESP of ${answer.octets.length} octets, not ${size}`);
  if (answer.body.every((octet) => octet === 0)) fail('an unknown message was cancelled');
}
