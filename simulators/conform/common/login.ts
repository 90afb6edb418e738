import { type Bench, fail } from '../check.ts';
import { readFrame } from '../frame.ts';
import type { LoginForm } from '../tongue.ts';

// Logins, right and wrong.

const list = (codes: readonly number[]): string => codes.join(' or ');

export async function loginAccepted(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const answers = wire.came.filter((f) => f.command >= 0x80000000);
  if (answers.length !== 1) fail(`${answers.length} answers to one login`);
}

/** A login that must be refused with one of these codes; an end without an answer is not enough. */
export function loginRefused(form: LoginForm, codes: readonly number[]) {
  return async (bench: Bench): Promise<void> => {
    const { tongue } = bench;
    const wire = await bench.open();
    const login = bench.request(tongue.commands.login, tongue.loginBody(bench.account, form));
    wire.send(login);
    const code = tongue.code(await bench.answerTo(wire, login));
    if (code === 0) fail('the login was accepted');
    if (!codes.includes(code ?? -1)) fail(`refused with ${code}, not ${list(codes)}`);
    await nothingIsTaken(bench, wire);
  };
}

/** A refused or missing login lets no submit in: it is refused, or the connection ends. */
async function nothingIsTaken(bench: Bench, wire: Awaited<ReturnType<Bench['open']>>): Promise<void> {
  const submit = bench.submit();
  wire.send(submit);
  const answer = await bench.answerOrEnd(wire, submit);
  if (answer !== undefined && bench.tongue.code(answer) === 0) fail('a submit behind it was accepted');
  if (answer === undefined && !wire.closed) fail('a submit behind it was neither refused nor the connection ended');
}

/** A submit without a login: refused with one of `codes` or, where the protocol has no answer for it, the end. */
export function submitBeforeLogin(codes: readonly number[] | 'any or the end') {
  return async (bench: Bench): Promise<void> => {
    const wire = await bench.open();
    if (codes === 'any or the end') return nothingIsTaken(bench, wire);
    const submit = bench.submit();
    wire.send(submit);
    const code = bench.tongue.code(await bench.answerTo(wire, submit));
    if (!codes.includes(code ?? -1)) fail(`answered with ${code}, not ${list(codes)}`);
  };
}

/** A second login on a connection that is in. `codes`: those that refuse it; without them every code does, and the end too. */
export function secondLogin(codes?: readonly number[]) {
  return async (bench: Bench): Promise<void> => {
    const { tongue } = bench;
    const wire = await bench.login();
    const login = bench.request(tongue.commands.login, tongue.loginBody(bench.account, {}));
    wire.send(login);
    const answer = codes === undefined ? await bench.answerOrEnd(wire, login) : await bench.answerTo(wire, login);
    if (answer === undefined) {
      if (!wire.closed) fail('neither refused nor the connection ended');
      return;
    }
    const code = tongue.code(answer);
    if (code === 0) fail('a second login was accepted');
    if (codes !== undefined && !codes.includes(code ?? -1)) fail(`refused with ${code}, not ${list(codes)}`);
  };
}

/** The login sent octet by octet. */
export async function loginSplit(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const wire = await bench.open();
  const login = bench.request(tongue.commands.login, tongue.loginBody(bench.account, {}));
  await wire.dribble(login);
  const answer = await bench.answerTo(wire, login);
  if (tongue.code(answer) !== 0) fail(`refused with ${tongue.code(answer)}`);
}

/** The login and a submit in one packet, the submit before the answer is there: both are taken in their order. */
export async function loginGlued(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const wire = await bench.open();
  const login = bench.request(tongue.commands.login, tongue.loginBody(bench.account, {}));
  const submit = bench.submit();
  wire.send(login, submit);
  if (tongue.code(await bench.answerTo(wire, login)) !== 0) fail('the login was refused');
  const answer = await bench.answerOrEnd(wire, submit);
  // A strict server may refuse what came before its answer, but must not lose the border between the two.
  if (answer === undefined && !wire.closed)
    fail(`the ${tongue.name(readFrame(tongue.header, submit).command)} was not answered`);
}

/** An account's right to a second connection, or a refusal that leaves the first one alone. */
export async function secondConnection(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const first = await bench.login();
  const second = await bench.open();
  const login = bench.request(tongue.commands.login, tongue.loginBody(bench.account, {}));
  second.send(login);
  await bench.answerOrEnd(second, login);
  const submit = bench.submit();
  first.send(submit);
  await bench.answerTo(first, submit);
}
