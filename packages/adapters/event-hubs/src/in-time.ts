/** Resolves when `work` has ended, however, or after `ms`: what says goodbye to a service that may never answer must not keep a process. */
export function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(end, end);
  });
}
