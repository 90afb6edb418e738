/**
 * Milliseconds of `ask`, asked once in a turn of the event loop: what is read in one turn came at one time, as near as
 * anyone can tell, and a turn that reads a thousand frames need not ask the system a thousand times.
 */
export function createTurnClock(ask: () => number = () => performance.now()): () => number {
  let at = 0;
  let fresh = false;
  const stale = (): void => {
    fresh = false;
  };
  return () => {
    if (!fresh) {
      at = ask();
      fresh = true;
      setImmediate(stale);
    }
    return at;
  };
}
