/** The shape of a conversation while it loads. */
export function ThreadSkeleton() {
  return (
    <div class="messages skeleton-thread" role="status" aria-label="Loading the conversation">
      <div class="skeleton skeleton-question" />
      <div class="skeleton skeleton-line" />
      <div class="skeleton skeleton-line" />
      <div class="skeleton skeleton-line skeleton-short" />
      <div class="skeleton skeleton-question" />
      <div class="skeleton skeleton-line" />
      <div class="skeleton skeleton-line skeleton-short" />
    </div>
  );
}
