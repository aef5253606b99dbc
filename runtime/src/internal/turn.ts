/** Lets the messages and timers of this thread that wait have their turn. */

type Later = (run: () => void) => void;

/** Browsers hold back nested timers by 4 ms, hence the message to oneself; Node has setImmediate. */
const later: Later = (globalThis as { setImmediate?: Later }).setImmediate ?? byMessage();

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => later(resolve));
}

function byMessage(): Later {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (run) => {
    waiting.push(run);
    port2.postMessage(null);
  };
}
