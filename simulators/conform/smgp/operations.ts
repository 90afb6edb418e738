import { verifyServer } from '../../../protocols/smgp/auth.ts';
import { msgIdParts } from '../../../protocols/smgp/msg-id.ts';
import { smgpCodec } from '../../../protocols/smgp/tables.ts';
import { bodyOf } from '../body.ts';
import { type Bench, fail, notApplicable } from '../check.ts';
import { accepted } from '../common/submits.ts';
import { COMMAND, MODE } from './tongue.ts';

// What is SMGP's own: the three modes, the proof of a gateway, its ids, Query.

export async function proofOfGateway(bench: Bench): Promise<void> {
  const { tongue, account } = bench;
  const wire = await bench.open();
  const login = bench.request(COMMAND.login, tongue.loginBody(account, {}));
  wire.send(login);
  const answer = await bench.answerTo(wire, login);
  if (answer.octets.length !== 33) fail(`a Login_Resp of ${answer.octets.length} octets, not 33`);
  const resp = smgpCodec(tongue.version).loginResp.decode(answer.body, 0, answer.body.length);
  if (resp.status !== 0) fail(`refused with ${resp.status}`);
  const form = verifyServer(resp, login.toString('latin1', 20, 36), account.secret);
  if (form === undefined) fail('AuthenticatorServer is the digest of another secret, or of none');
  if (form === 'empty') fail('AuthenticatorServer is empty, though the login was accepted');
}

/** Mode 0 sends. */
export async function modeSend(bench: Bench): Promise<void> {
  const wire = await bench.login({ mode: MODE.send });
  const submit = bench.submit();
  wire.send(submit);
  const code = bench.tongue.code(await bench.answerTo(wire, submit));
  if (code !== 0) fail(`its Submit was refused with ${code}`);
}

/** Mode 1 receives, and sends nothing. */
export async function modeReceive(bench: Bench): Promise<void> {
  const wire = await bench.login({ mode: MODE.receive });
  const submit = bench.submit();
  wire.send(submit);
  const answer = await bench.answerOrEnd(wire, submit);
  if (answer !== undefined && bench.tongue.code(answer) === 0) fail('its Submit was accepted');
  if (answer === undefined && !wire.closed) fail('its Submit was neither refused nor the connection ended');
}

/** The report of what a mode-0 connection sent comes on one of mode 1. */
export async function reportOnReceiver(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const ear = await bench.login({ mode: MODE.receive });
  const mouth = await bench.login({ mode: MODE.send });
  const submit = bench.submit({ report: true });
  mouth.send(submit);
  const answer = await bench.answerTo(mouth, submit);
  if (tongue.code(answer) !== 0) fail(`the submit was refused with ${tongue.code(answer)}`);
  const key = tongue.key(answer, answer);
  const where = await bench.anywhere(
    (frame, wire) => (tongue.report(frame)?.key === key ? wire : undefined),
    bench.reportWithin,
  );
  if (where === undefined) fail(`no report on ${key} within ${bench.reportWithin} ms`);
  if (where === mouth) fail('the report came on a connection of mode 0');
  if (where !== ear) fail('the report came on another connection');
}

/** A MsgID is gateway, time and number in BCD. */
export async function idForm(bench: Bench): Promise<void> {
  const { answer } = await accepted(bench);
  const parts = msgIdParts(answer.body.toString('latin1', 0, 10));
  const hex = answer.body.toString('hex', 0, 10);
  if (parts === undefined) fail(`MsgID ${hex} is not BCD`);
  const { month, day, hour, minute } = parts;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59)
    fail(`MsgID ${hex} has no time in it`);
}

/** Query of a day: the same time and type, and eight figures. */
export async function query(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const codec = smgpCodec(bench.tongue.version);
  const request = bench.request(
    COMMAND.query,
    bodyOf(codec.query, { queryTime: '20260101', queryType: 0, queryCode: '' }),
  );
  wire.send(request);
  const answer = await bench.answerOrEnd(wire, request);
  if (answer === undefined && wire.closed) notApplicable('the target ends the connection: it has no Query');
  if (answer === undefined) fail('no answer');
  if (answer.octets.length !== 71) fail(`a Query_Resp of ${answer.octets.length} octets, not 71`);
  const resp = codec.queryResp.decode(answer.body, 0, answer.body.length);
  if (resp.queryTime !== '20260101' || resp.queryType !== 0)
    fail(`the answer is about ${resp.queryTime}, type ${resp.queryType}`);
}
