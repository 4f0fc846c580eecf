import type { Page } from 'playwright-core';

/** What WebRTC itself counted, past all code of ours. */
export interface SoundCounts {
  /** Connections that were ever made; two for each time that media was opened. */
  readonly connections: number;
  /** Samples that were played as they arrived, not made up for lost ones. */
  readonly heardSamples: number;
  /** Level of what the microphone gives right now, 0 to 1. */
  readonly microphoneLevel: number;
}

declare global {
  var parleyConnections: RTCPeerConnection[];
}

/** Keeps the page's connections where `countSound` finds them. Call it before the page is opened. */
export async function watchSound(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const connections: RTCPeerConnection[] = [];
    globalThis.parleyConnections = connections;
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        connections.push(this);
      }
    };
  });
}

/** @param first number of the connection from which on sound counts: that of older ones may still sit in a buffer. */
export function countSound(page: Page, first = 0): Promise<SoundCounts> {
  return page.evaluate(async (from) => {
    const connections = globalThis.parleyConnections;
    const counts = { connections: connections.length, heardSamples: 0, microphoneLevel: 0 };
    for (const connection of connections.slice(from)) {
      if (connection.connectionState === 'closed') continue;
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp') {
          counts.heardSamples += (entry.totalSamplesReceived ?? 0) - (entry.concealedSamples ?? 0);
        }
        if (entry.type === 'media-source') counts.microphoneLevel = entry.audioLevel;
      }
    }
    return counts;
  }, first);
}
