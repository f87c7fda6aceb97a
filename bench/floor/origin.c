/*
 * The server of the client comparison (bench/client.ts). It reads one request at
 * a time from each connection and answers with bytes that were made before:
 *
 *     GET /         13 bytes             GET /chunked  130 KB in chunks of 16 KB
 *     GET /large    130 KB               POST /        13 bytes, after the body
 *
 * Sockets are blocking, because clients read all of an answer.
 *
 *     cc -O2 -o origin origin.c && ./origin --port 8080
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 4096, MAX_EVENTS = 128, HEAD_BYTES = 4096 };
enum { LARGE_BYTES = 130000, CHUNK_BYTES = 16384, ANSWER_BYTES = 140000 };

struct answer {
  char bytes[ANSWER_BYTES];
  size_t size;
};
static struct answer hello, large, chunked;

/* What a connection has sent of its current request. */
struct request {
  char head[HEAD_BYTES];
  size_t size;      /* bytes of the head so far */
  size_t body;      /* bytes of the body that are missing; valid with an answer */
  struct answer *answer; /* set when the head is complete */
};
static struct request requests[MAX_FDS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void add(struct answer *answer, const void *bytes, size_t size) {
  memcpy(answer->bytes + answer->size, bytes, size);
  answer->size += size;
}

static void add_text(struct answer *answer, const char *text) {
  add(answer, text, strlen(text));
}

static void make_answers(void) {
  static char zeros[LARGE_BYTES];
  const char *start = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
                      "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
  char line[64];
  memset(zeros, '0', sizeof zeros);
  add_text(&hello, start);
  add_text(&hello, "content-length: 13\r\n\r\nHello, World!");
  add_text(&large, start);
  snprintf(line, sizeof line, "content-length: %d\r\n\r\n", LARGE_BYTES);
  add_text(&large, line);
  add(&large, zeros, LARGE_BYTES);
  add_text(&chunked, start);
  add_text(&chunked, "transfer-encoding: chunked\r\n\r\n");
  for (int at = 0; at < LARGE_BYTES; at += CHUNK_BYTES) {
    int size = LARGE_BYTES - at < CHUNK_BYTES ? LARGE_BYTES - at : CHUNK_BYTES;
    snprintf(line, sizeof line, "%x\r\n", size);
    add_text(&chunked, line);
    add(&chunked, zeros, (size_t)size);
    add_text(&chunked, "\r\n");
  }
  add_text(&chunked, "0\r\n\r\n");
}

/* Looks for the end of the head; returns whether the request is complete. */
static int read_head(struct request *request) {
  request->head[request->size] = 0;
  char *end = strstr(request->head, "\r\n\r\n");
  if (end == NULL) return 0;
  char *length = strcasestr(request->head, "\r\ncontent-length:");
  size_t declared = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
  size_t received = request->size - (size_t)(end + 4 - request->head);
  request->body = declared - received;
  request->answer = strncmp(request->head, "GET /l", 6) == 0   ? &large
                    : strncmp(request->head, "GET /c", 6) == 0 ? &chunked
                                                               : &hello;
  return request->body == 0;
}

static void serve(int fd) {
  static char body[65536];
  struct request *request = &requests[fd];
  char *to = request->answer == NULL ? request->head + request->size : body;
  size_t room = request->answer == NULL ? HEAD_BYTES - 1 - request->size : sizeof body;
  ssize_t size = recv(fd, to, room, 0);
  if (size <= 0) {
    close(fd);
    return;
  }
  if (request->answer == NULL) {
    request->size += (size_t)size;
    if (!read_head(request)) return;
  } else {
    request->body -= (size_t)size;
    if (request->body > 0) return;
  }
  struct answer *answer = request->answer;
  request->size = 0;
  request->answer = NULL;
  for (size_t sent = 0; sent < answer->size;) {
    ssize_t part = send(fd, answer->bytes + sent, answer->size - sent, MSG_NOSIGNAL);
    if (part <= 0) {
      close(fd);
      return;
    }
    sent += (size_t)part;
  }
}

static int listen_on(unsigned short port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 1024) < 0) fail("listen");
  return listener;
}

static void add_fd(int poller, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

int main(int count, char **arguments) {
  if (count != 3 || strcmp(arguments[1], "--port") != 0) {
    fprintf(stderr, "usage: origin --port N\n");
    return 2;
  }
  int listener = listen_on((unsigned short)atoi(arguments[2]));
  make_answers();
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) fail("epoll_create1");
  add_fd(poller, listener);
  static struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int ready = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != listener) {
        serve(fd);
        continue;
      }
      int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
      if (accepted < 0) continue;
      if (accepted >= MAX_FDS) {
        close(accepted);
        continue;
      }
      int one = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      requests[accepted].size = 0;
      requests[accepted].answer = NULL;
      add_fd(poller, accepted);
    }
  }
}
