/*
 * The load of the file comparison (bench/files.ts). Each connection sends the
 * same request again when the response to the last one is complete. The kernel
 * drops bodies without copying them (MSG_TRUNC), so that the server is the
 * bottleneck, also with large files. Prints one line of JSON.
 *
 *     cc -O2 -o drain drain.c
 *     ./drain PORT CONNECTIONS SECONDS STATUS REQUEST_FILE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MAX_EVENTS = 64, HEAD_BYTES = 8192 };
enum { DROP_BYTES = 4 << 20, MAX_LATENCIES = 1 << 22, REQUEST_BYTES = 16384 };

struct connection {
  int fd;
  char head[HEAD_BYTES + 1];
  size_t size;    /* bytes of the head so far */
  long long body; /* bytes of the body that are missing; -1 within the head */
  double sent_ms;
};

static struct connection connections[MAX_CONNECTIONS];
static char request[REQUEST_BYTES];
static size_t request_size;
static int wanted_status;
static long long responses, body_bytes, errors;
static float latencies[MAX_LATENCIES];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void ask(struct connection *connection) {
  connection->size = 0;
  connection->body = -1;
  connection->sent_ms = now_ms();
  ssize_t sent = send(connection->fd, request, request_size, MSG_NOSIGNAL);
  if (sent != (ssize_t)request_size) fail("send");
}

static void finish(struct connection *connection) {
  if (responses < MAX_LATENCIES) {
    latencies[responses] = now_ms() - connection->sent_ms;
  }
  responses++;
  ask(connection);
}

/* Reads status and length of a complete head. */
static void take_head(struct connection *connection, size_t head_size) {
  int status = atoi(connection->head + 9);
  long long length = -1;
  for (char *line = connection->head; (line = strstr(line, "\r\n")); line += 2) {
    if (strncasecmp(line + 2, "content-length:", 15) == 0) {
      length = atoll(line + 17);
    }
  }
  if (status == 304) length = 0;
  if (length < 0) {
    fprintf(stderr, "a response declares no length\n");
    exit(1);
  }
  if (status != wanted_status) errors++;
  long long rest = connection->size - head_size;
  if (rest > length) {
    fprintf(stderr, "a response is longer than it declares\n");
    exit(1);
  }
  body_bytes += rest;
  connection->body = length - rest;
}

/* Receives what has arrived, until the response is complete. */
static void receive(struct connection *connection) {
  ssize_t count;
  if (connection->body == -1) {
    size_t room = HEAD_BYTES - connection->size;
    count = recv(connection->fd, connection->head + connection->size, room,
                 MSG_DONTWAIT);
    if (count > 0) {
      connection->size += count;
      connection->head[connection->size] = 0;
      char *end = memmem(connection->head, connection->size, "\r\n\r\n", 4);
      if (end != NULL) {
        take_head(connection, end + 4 - connection->head);
      } else if (connection->size == HEAD_BYTES) {
        fprintf(stderr, "a head is too long\n");
        exit(1);
      }
    }
  } else {
    size_t most = connection->body < DROP_BYTES ? connection->body : DROP_BYTES;
    count = recv(connection->fd, NULL, most, MSG_DONTWAIT | MSG_TRUNC);
    if (count > 0) {
      connection->body -= count;
      body_bytes += count;
    }
  }
  if (count == 0) {
    fprintf(stderr, "the server closed a connection\n");
    exit(1);
  }
  if (count < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
  if (connection->body == 0) finish(connection);
}

static void open_connection(struct connection *connection, int port, int epoll) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->fd < 0) fail("socket");
  if (connect(connection->fd, (void *)&address, sizeof address) != 0) {
    fail("connect");
  }
  int one = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
    fail("epoll_ctl");
  }
}

static int compare(const void *a, const void *b) {
  float first = *(const float *)a, second = *(const float *)b;
  return (first > second) - (first < second);
}

static float percentile(float share) {
  long long kept = responses < MAX_LATENCIES ? responses : MAX_LATENCIES;
  return kept == 0 ? 0 : latencies[(long long)((kept - 1) * share)];
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int port = atoi(argv[1]), count = atoi(argv[2]);
  wanted_status = atoi(argv[4]);
  FILE *file = fopen(argv[5], "rb");
  if (file == NULL) fail(argv[5]);
  request_size = fread(request, 1, sizeof request, file);
  fclose(file);
  if (count < 1 || count > MAX_CONNECTIONS) return 2;
  int epoll = epoll_create1(0);
  for (int n = 0; n < count; n++) open_connection(&connections[n], port, epoll);
  double start = now_ms(), end = start + atof(argv[3]) * 1000;
  for (int n = 0; n < count; n++) ask(&connections[n]);
  struct epoll_event events[MAX_EVENTS];
  double now = start;
  while ((now = now_ms()) < end) {
    int ready = epoll_wait(epoll, events, MAX_EVENTS, (int)(end - now) + 1);
    for (int n = 0; n < ready; n++) receive(events[n].data.ptr);
  }
  long long kept = responses < MAX_LATENCIES ? responses : MAX_LATENCIES;
  qsort(latencies, kept, sizeof *latencies, compare);
  printf("{\"requests\":%lld,\"bodyBytes\":%lld,\"seconds\":%.6f,"
         "\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"errors\":%lld}\n",
         responses, body_bytes, (now - start) / 1000, percentile(0.5),
         percentile(0.99), errors);
}
