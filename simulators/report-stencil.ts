import type { Peer } from './peer.ts';
import { copyStencil, cutStencil, fillIn, type Stencil, variable } from './stencil.ts';

/** What a report says. */
export interface Told {
  /** What varies from one to the next: the message's id, the handset's number, the id of the report itself ('': none). */
  id: string;
  number: string;
  ownId: string;
  /** What mostly is as in the report before. */
  word: string;
  source: string;
  submitted: string;
  done: string;
  counted: number;
}

export const nothingTold = (): Told => ({
  id: '',
  number: '',
  ownId: '',
  word: '',
  source: '',
  submitted: '',
  done: '',
  counted: 0,
});

/**
 * Writes reports of one form by stencils, of which one is cut (by `write`, which goes by the tables) for what is said first.
 * `times`: how often id, number and own id stand in a frame. `finish`: the sequence, and what else is a number.
 */
export function createReportStencil(
  peer: Peer,
  times: { readonly id: number; readonly number: number; readonly ownId: number },
  write: (told: Told) => void,
  finish: (out: Buffer, start: number, end: number, sequence: number) => void,
): (told: Told, sequence: number) => void {
  /** By word: states come mixed. Undefined stencil: to be written by the tables. */
  const cuts = new Map<string, Cut>();
  let last: Cut = { of: nothingTold(), stencil: undefined };

  function cutFor(t: Told): Cut {
    const known = cuts.get(t.word);
    if (known !== undefined && isLike(t, known.of)) return known;
    const own = times.ownId === 0 ? [] : [variable(2, t.ownId.length, times.ownId)];
    const variables = [variable(0, t.id.length, times.id), variable(1, t.number.length, times.number), ...own];
    const stencil = cutStencil(peer, variables, ([id = '', number = '', ownId = '']) =>
      write({ ...t, id, number, ownId }),
    );
    const cut = { of: { ...t }, stencil };
    cuts.set(t.word, cut);
    return cut;
  }

  return (told, sequence) => {
    if (!isLike(told, last.of)) last = cutFor(told);
    const { stencil } = last;
    const start = peer.at;
    if (stencil === undefined) write(told);
    else {
      copyStencil(peer, stencil);
      fillIn(peer, start, stencil, 0, told.id);
      fillIn(peer, start, stencil, 1, told.number);
      if (times.ownId > 0) fillIn(peer, start, stencil, 2, told.ownId);
    }
    finish(peer.out, start, peer.at, sequence);
  };
}

interface Cut {
  readonly of: Told;
  readonly stencil: Stencil | undefined;
}

/** Differs only in what varies, and that is as long. */
const isLike = (t: Told, of: Told): boolean =>
  t.word === of.word &&
  t.done === of.done &&
  t.submitted === of.submitted &&
  t.source === of.source &&
  t.counted === of.counted &&
  t.number.length === of.number.length &&
  t.id.length === of.id.length &&
  t.ownId.length === of.ownId.length;
