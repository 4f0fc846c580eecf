import type { Campaign } from './campaign.ts';
import { HttpCampaign } from './http/http-campaign.ts';
import { RtpCampaign } from './rtp/rtp-campaign.ts';
import { SocketCampaign } from './socket/socket-campaign.ts';
import { LinkCampaign } from './worker-link/link-campaign.ts';

/** What attacks each input, given the server's URL or the worker's socket. */
export const CAMPAIGNS = {
  socket: async (url: string) => new SocketCampaign(url),
  http: async (url: string) => new HttpCampaign(url),
  rtp: async (url: string) => new RtpCampaign(url),
  'worker-link': (socketPath: string) => LinkCampaign.at(socketPath),
} as const satisfies Record<string, (address: string) => Promise<Campaign>>;

export type InputName = keyof typeof CAMPAIGNS;
