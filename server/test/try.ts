import { givenNode } from './given-node.ts';
import { WrtcCaller } from './wrtc-caller.ts';

const node = await givenNode();
const caller = new WrtcCaller(node.urls[0]!, { toneHz: 700 });
console.log(Object.keys(await caller.place()));
await new Promise((r) => setTimeout(r, 4000));
console.log(
  caller.events.filter((e) => e.name !== 'levels').map((e) => [e.name, JSON.stringify(e.payload), Math.round(e.atMs)]),
  caller.events.filter((e) => e.name === 'levels').at(-1),
);
const h = caller.heard;
console.log(h.length, Math.sqrt(h.slice(-48000).reduce((s, x) => s + x * x, 0) / 48000));
await caller.request('hangup', {});
caller.close();
await node.close('server-shutdown');
process.exit(0);
