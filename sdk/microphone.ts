import { CallError } from './errors.ts';

export interface MicrophoneOptions {
  /** `deviceId` of a microphone from `listMicrophones()`; absent: the browser's default. */
  readonly microphoneId?: string | undefined;
  /** The browser's own processing; each is on unless set to false. */
  readonly echoCancellation?: boolean;
  readonly noiseSuppression?: boolean;
  readonly autoGainControl?: boolean;
}

export interface Microphone {
  readonly id: string;
  readonly label: string;
}

/** @throws CallError `INSECURE_PAGE`, `BROWSER_UNSUPPORTED` */
export function assertCanCall(): void {
  if (!globalThis.isSecureContext) {
    throw new CallError('INSECURE_PAGE', `${location.origin} is not a secure page`);
  }
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.RTCPeerConnection) {
    throw new CallError('BROWSER_UNSUPPORTED', 'this browser has no WebRTC');
  }
}

/**
 * @returns the microphones by name. Empty until the person has allowed a microphone once: browsers hide ids and
 *   names before.
 */
export async function listMicrophones(): Promise<readonly Microphone[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices
    .filter((device) => device.kind === 'audioinput' && device.deviceId !== '' && device.label !== '')
    .map((device) => ({ id: device.deviceId, label: device.label }));
}

/**
 * Asks for the microphone, and the person for permission where that was not given before.
 *
 * @returns a live mono track; the caller stops it.
 * @throws CallError `INSECURE_PAGE`, `BROWSER_UNSUPPORTED`, `NO_MICROPHONE`, `MICROPHONE_DENIED`, `MICROPHONE_BUSY`
 */
export async function openMicrophone(options: MicrophoneOptions): Promise<MediaStreamTrack> {
  assertCanCall();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(options.microphoneId ? { deviceId: { exact: options.microphoneId } } : {}),
        channelCount: 1,
        echoCancellation: options.echoCancellation ?? true,
        noiseSuppression: options.noiseSuppression ?? true,
        autoGainControl: options.autoGainControl ?? true,
      },
    });
    const track = stream.getAudioTracks()[0];
    if (!track) throw new CallError('NO_MICROPHONE', 'the browser gave a stream without sound');
    return track;
  } catch (error) {
    throw microphoneError(error);
  }
}

function microphoneError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  const name = error instanceof DOMException || error instanceof Error ? error.name : '';
  const options = { cause: error };
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new CallError('MICROPHONE_DENIED', 'the microphone was not allowed', options);
    case 'NotReadableError':
    case 'AbortError':
      return new CallError('MICROPHONE_BUSY', 'the microphone could not be opened', options);
    default:
      return new CallError('NO_MICROPHONE', `no microphone was found (${name})`, options);
  }
}
