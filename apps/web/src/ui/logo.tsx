/** A falcon in its stoop. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path
        class="logo-wing"
        d="M2 4.5c7.8.3 13.3 2.5 16.9 6.5L30 4c-2.2 5.6-4.6 9.7-7.4 12.4L20 29.5l-4.7-9.1C9.8 17.9 5 12.4 2 4.5Z"
      />
      <path
        class="logo-shade"
        d="m18.9 11-3.6 9.4C9.8 17.9 5 12.4 2 4.5c4.3 4.7 9.9 6.9 16.9 6.5Z"
      />
    </svg>
  );
}
