/** Numbers of the system's headers that several files need; x86-64 and aarch64 have the same. */

export const AF_INET = 2;
export const SOCK_STREAM = 1;
/** For sockets that never wait. */
export const NON_BLOCKING = 0o4000;
/** For descriptors that programs started from here do not get. */
export const CLOSE_ON_EXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;

/** A broken pipe is an error of the call, not a signal to the process. */
export const MSG_NOSIGNAL = 0x4000;

export const EPOLL_ADD = 1;
export const EPOLL_REMOVE = 2;
