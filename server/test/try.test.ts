import { expect, it } from 'vitest';
import { givenNode } from './given-node.ts';
import { WrtcCaller } from './wrtc-caller.ts';

it('x', async () => {
  const node = await givenNode();
  const caller = new WrtcCaller(node.urls[0]!, { toneHz: 700 });
  await caller.place();
  await new Promise((r) => setTimeout(r, 2000));
  expect(caller.states).toEqual(['joining', 'connecting', 'live']);
  await caller.request('hangup', {});
  caller.close();
  await node.close('server-shutdown');
});
