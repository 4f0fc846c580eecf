import type { CallView } from './call-store.ts';
import { ChevronIcon, MicrophoneIcon } from './icons.tsx';

type Props = Pick<CallView, 'microphones' | 'microphoneId'> & { onChoose: (microphoneId: string) => void };

/** A native select: every phone and screen reader already knows how to use it. */
export function MicrophonePicker({ microphones, microphoneId, onChoose }: Props) {
  if (microphones.length === 0) return null;
  const isKnown = microphones.some(({ id }) => id === microphoneId);
  const hasDefault = microphones.some(({ id }) => id === 'default');
  return (
    <label className="picker">
      <MicrophoneIcon />
      <span className="visually-hidden">Microphone</span>
      <select
        value={isKnown ? microphoneId : hasDefault ? 'default' : ''}
        onChange={(event) => onChoose(event.target.value)}
      >
        {!hasDefault && <option value="">Default microphone</option>}
        {microphones.map(({ id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
      <ChevronIcon />
    </label>
  );
}
