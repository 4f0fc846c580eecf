/** Two voices that overlap: the mark of a conversation in which both may speak at once. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 20" aria-hidden="true">
      <circle className="mark-caller" cx="10.5" cy="10" r="9" />
      <circle className="mark-assistant" cx="21.5" cy="10" r="9" />
    </svg>
  );
}

export function MicrophoneIcon({ isOff = false }: { isOff?: boolean }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
      {isOff && <path d="M4 4l16 16" />}
    </svg>
  );
}

export function HangUpIcon() {
  return (
    <svg className="icon icon-solid" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 8.5c-3.6 0-6.9 1-9.3 2.8-.7.5-.9 1.4-.5 2.2l1 2c.4.8 1.3 1.1 2.1.8l2.6-1c.7-.3 1.1-.9 1.1-1.6v-1.7a12 12 0 0 1 6 0v1.7c0 .7.4 1.3 1.1 1.6l2.6 1c.8.3 1.7 0 2.1-.8l1-2c.4-.8.2-1.7-.5-2.2C18.9 9.5 15.6 8.5 12 8.5z" />
    </svg>
  );
}

export function ChevronIcon() {
  return (
    <svg className="icon icon-chevron" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M7 10l5 5 5-5" />
    </svg>
  );
}
