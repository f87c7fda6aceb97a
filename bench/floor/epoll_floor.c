/*
 * The floor of the load comparison: an edge-triggered epoll loop without a
 * parser. It counts the ends of request heads (empty lines, across reads) and
 * sends a fixed response for each, all responses of a read with one send. Nearly
 * all of its time is spent in the kernel. A short send closes the connection:
 * responses this small fit into any socket buffer.
 *
 *     cc -O2 -o epoll_floor epoll_floor.c && ./epoll_floor --port 8080
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, MAX_EVENTS = 512, RECEIVE_BYTES = 65536 };
enum { SHORTEST_HEAD = 16, MAX_HEADS = RECEIVE_BYTES / SHORTEST_HEAD };

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\n"
    "content-type: text/plain\r\n"
    "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "content-length: 13\r\n\r\n"
    "Hello, World!";
enum { ANSWER_BYTES = sizeof ANSWER - 1 };

static char received[RECEIVE_BYTES];
static char answers[MAX_HEADS * ANSWER_BYTES];
/* Bytes of the unfinished line of each connection. */
static unsigned line_bytes[MAX_FDS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* A head ends with a line that is empty except for its CR. */
static int count_heads(int fd, ssize_t size) {
  int heads = 0;
  const char *line = received, *end = received + size;
  unsigned before = line_bytes[fd];
  for (const char *lf; (lf = memchr(line, '\n', (size_t)(end - line)));) {
    heads += before + (unsigned)(lf - line) == 1;
    before = 0;
    line = lf + 1;
  }
  line_bytes[fd] = before + (unsigned)(end - line);
  return heads;
}

/* One edge may report both data and the peer's FIN: then read until the end. */
static void serve(int fd, int is_ending) {
  for (;;) {
    ssize_t size = recv(fd, received, RECEIVE_BYTES, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) break;
    int heads = count_heads(fd, size);
    if (heads > MAX_HEADS) break;
    size_t bytes = (size_t)heads * ANSWER_BYTES;
    if (heads > 0 && send(fd, answers, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) break;
    if (size < RECEIVE_BYTES && !is_ending) return; /* drained: the next data causes a new edge */
  }
  close(fd);
}

static void accept_all(int listener, int poller) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
      close(fd);
      continue;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    line_bytes[fd] = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) close(fd);
  }
}

static int listen_on(unsigned short port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
    fail("bind");
  if (listen(listener, 1024) < 0) fail("listen");
  return listener;
}

int main(int count, char **arguments) {
  if (count != 3 || strcmp(arguments[1], "--port") != 0) {
    fprintf(stderr, "usage: epoll_floor --port N\n");
    return 2;
  }
  int listener = listen_on((unsigned short)atoi(arguments[2]));
  for (int i = 0; i < MAX_HEADS; i++)
    memcpy(answers + (size_t)i * ANSWER_BYTES, ANSWER, ANSWER_BYTES);
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");
  static struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int ready = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(listener, poller);
      else serve(fd, (events[i].events & (EPOLLRDHUP | EPOLLHUP)) != 0);
    }
  }
}
