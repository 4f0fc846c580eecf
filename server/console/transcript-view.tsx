import { memo, useEffect, useRef } from 'react';
import type { Transcript } from './transcript.ts';

/**
 * What is said, as it is said: by the model, and by the caller where the model writes that down. It is spoken aloud at the same moment, so a screen reader must not speak over
 * it: the region is no live one, but can be focused, scrolled and read at any time.
 */
export function TranscriptView({ transcript, placeholder }: { transcript: Transcript; placeholder: string }) {
  const ref = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const latestIndex = transcript.paragraphs.at(-1)?.index;

  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is what asks for scrolling.
  useEffect(() => scrollToEnd(ref.current, isAtEnd.current), [transcript]);

  // A phone that is turned breaks the lines anew, and pushes the end out of sight.
  useEffect(() => {
    const observer = new ResizeObserver(() => scrollToEnd(ref.current, isAtEnd.current));
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);

  return (
    <section
      ref={ref}
      className="transcript"
      aria-label="What is said"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region has to be reachable by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
        ref.current?.toggleAttribute('data-scrolled', scrollTop > 4);
      }}
    >
      {transcript.paragraphs.length === 0 && <p className="transcript-empty">{placeholder}</p>}
      {transcript.paragraphs.map(({ index, speaker, text }) => (
        <p key={index} className={`is-${speaker} ${index === latestIndex ? 'is-latest' : ''}`}>
          {speaker === 'caller' && <span className="visually-hidden">You: </span>}
          <Words text={text} />
        </p>
      ))}
    </section>
  );
}

/** Somebody who has scrolled back reads: the text then stays where it is. */
function scrollToEnd(element: HTMLElement | null, isAtEnd: boolean): void {
  if (element && isAtEnd) element.scrollTop = element.scrollHeight;
}

/**
 * Words appear one by one, each with its own entrance; those that stand are left alone. A new piece, 12 times a second,
 * is work for its own paragraph only.
 */
const Words = memo(function Words({ text }: { text: string }) {
  return text.split(/(?<= )/).map((word, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: words are only ever added at the end.
    <span key={index} className="word">
      {word}
    </span>
  ));
});
