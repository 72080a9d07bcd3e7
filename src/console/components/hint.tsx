import { Text, UnstyledButton } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { type KeyboardEvent, useState } from 'react';

/**
 * Explains something while one points at its mark or reaches it by the keyboard; Esc takes it away (WCAG 2.2, 1.4.13). It lies over what is
 * below the nearest box that is positioned, as wide as that.
 */
export function Hint({ label, text }: { readonly label: string; readonly text: string }) {
  const [isShown, setShown] = useState(false);
  const show = (): void => setShown(true);
  const hide = (): void => setShown(false);
  const onKeyDown = ({ key }: KeyboardEvent): void => {
    if (key === 'Escape') hide();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button is what is used; this only keeps the text while one points at it
    <span onMouseEnter={show} onMouseLeave={hide} onFocus={show} onBlur={hide} onKeyDown={onKeyDown}>
      <UnstyledButton aria-label={`${label}: ${text}`} c="dimmed" lh={1}>
        <IconInfoCircle size={14} aria-hidden />
      </UnstyledButton>
      {isShown && (
        <Text aria-hidden size="xs" className="hint" component="span">
          {text}
        </Text>
      )}
    </span>
  );
}
