/** Counts the sockets of another process, to find connections that it does not close. */

/** Number of sockets that a process has open. Needs Linux. */
export function countSockets(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const target = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      if (target.startsWith("socket:")) count++;
    } catch {
      // The process has closed it since.
    }
  }
  return count;
}
