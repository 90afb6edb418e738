import type { Peer } from './peer.ts';
import { copyStencil, cutStencil, fillIn, type Stencil, variable } from './stencil.ts';
import type { Template } from './submits.ts';

type WriteSubmit = (template: Template, destination: string, sequence: number) => void;

/**
 * Submits of one text differ in the destination and in the sequence only. `write`: by the tables. `putSequence`: into the
 * header of the frame at `start`.
 */
export function createSubmitStencils(
  peer: Peer,
  putSequence: (out: Buffer, start: number, sequence: number) => void,
  write: WriteSubmit,
): WriteSubmit {
  /** By the length of the destination; undefined: to be written by the tables. */
  const made = new Map<Template, (Stencil | undefined)[]>();
  let last: Template | undefined;
  let lastLength = 0;
  let stencil: Stencil | undefined;

  function choose(template: Template, length: number): void {
    last = template;
    lastLength = length;
    let all = made.get(template);
    if (all === undefined) {
      all = [];
      made.set(template, all);
    }
    if (!(length in all)) all[length] = make(template, length);
    stencil = all[length];
  }

  function make(template: Template, length: number): Stencil | undefined {
    // The reference in a header of parts is another with each message.
    if (template.udhi) return undefined;
    return cutStencil(peer, [variable(0, length)], ([mark]) => write(template, mark!, 0));
  }

  return (template, destination, sequence) => {
    if (template !== last || destination.length !== lastLength) choose(template, destination.length);
    if (stencil === undefined) return write(template, destination, sequence);
    const start = copyStencil(peer, stencil);
    fillIn(peer, start, stencil, 0, destination);
    putSequence(peer.out, start, sequence);
  };
}
