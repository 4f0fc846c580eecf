import { setTimeout as sleep } from 'node:timers/promises';
import type { Clause } from './conformance.ts';

const CONNECTIONS_MAX = 64;
const MESSAGES_PER_TICK_MAX = 1024;
/** At 1000 errors a tick of at least a hundred bytes each, 8 MiB have gathered by then. */
const UNREAD_WITHIN_MS = 10_000;
/** A worker repeats in its error what it refuses, if it can: then it takes a second. */
const LONG_NAME = 'x'.repeat(1000);

export const LIMIT_CLAUSES: readonly Clause[] = [
  {
    name: 'limits-messages',
    demands: 'ends a connection that sends over 1024 messages within a tick with PROTOCOL_INVALID',
    async try(bench) {
      const { client } = await bench.greet();
      // Three times as many: a tick may come while they arrive.
      client.send(...Array.from({ length: 3 * MESSAGES_PER_TICK_MAX }, (_, id) => ({ type: 'ping', id }) as const));
      await client.expectFatal('PROTOCOL_INVALID');
    },
  },
  {
    name: 'limits-connections',
    demands: 'cuts off the 65th connection at once, and greets the next one when another has ended',
    async try(bench) {
      const first = (await bench.greet()).client;
      let isCutOff = false;
      for (let i = 1; i <= CONNECTIONS_MAX && !isCutOff; i++) {
        const client = await bench.connect();
        client.send({ type: 'hello', versionMin: 1, versionMax: 1 });
        // Others may be connected too, so it is known which one is the 65th only when it is cut off.
        isCutOff = !(await client.next('ready').then(
          () => true,
          async (error) => {
            if (!(await client.isCutOff(0))) throw error;
            return false;
          },
        ));
      }
      if (!isCutOff) throw new Error(`serves ${CONNECTIONS_MAX + 1} connections`);
      await first.hangUp();
      // It learns of the end a moment later.
      await sleep(100);
      await bench.greet();
    },
  },
  {
    name: 'cuts-off-who-does-not-read',
    demands: 'cuts off a client that leaves 8 MiB unread',
    async try(bench) {
      const { client } = await bench.greet();
      const watch = (await bench.greet()).client;
      client.stopReading();
      const untilMs = performance.now() + UNREAD_WITHIN_MS;
      const attributes = { [LONG_NAME]: '' };
      while (!(await client.isCutOff(0))) {
        if (performance.now() > untilMs) throw new Error('goes on writing to it');
        await watch.nextTick();
        for (let requestId = 1; requestId <= 1000; requestId++) {
          client.send({ type: 'openSlot', requestId, options: { seed: 1n, attributes } });
        }
      }
    },
  },
];
