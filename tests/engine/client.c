/* An engine in C without any library, on the binary wire: ./client FEED_HOST_PORT_TARGET ORDERS_… as two ws:// URLs.
   Strategy as in client.py: at every fifth diff of a symbol, sell and buy in turn, 3 lots at the best price of the other side.
   Little-endian machines only. Compile: cc -O2 -o client client.c */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVERY = 5, LOTS = 3, SYMBOLS = 64, MOST = 8 << 20 };
typedef struct { char name[9]; double numerator, divisor; int64_t capacity, *lots[2], best[2]; uint64_t last, diffs, sequence; } Symbol;
static Symbol symbols[SYMBOLS];
static int symbol_count;
static uint8_t buffer[MOST];

static void fail(const char *what) { fprintf(stderr, "client: %s\n", what); exit(1); }
static void read_all(int s, void *to, size_t n) {
    for (ssize_t got; n; n -= got, to = (char *)to + got)
        if ((got = recv(s, to, n, 0)) <= 0) fail("the exchange closed the connection");
}

static int open_websocket(const char *url) {
    char host[64], target[512] = "/", request[1024], line[4] = "";
    int port, s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (sscanf(url, "ws://%63[^:]:%d%511s", host, &port, target) < 2) fail("give two URLs ws://IPv4:PORT/…");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &at.sin_addr);
    if (connect(s, (void *)&at, sizeof at)) fail("cannot connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", target, host);
    if (send(s, request, n, 0) != n) fail("cannot send");
    read_all(s, buffer, 12);
    if (memcmp(buffer + 9, "101", 3)) fail("the exchange refused the target");
    while (memcmp(line, "\r\n\r\n", 4)) { memmove(line, line + 1, 3); read_all(s, line + 3, 1); }
    return s;
}

static void send_frame(int s, int opcode, const void *payload, size_t n) { /* n < 126; the mask is zero: RFC 6455 asks for one, not for secrecy here */
    uint8_t frame[6 + 125] = {0x80 | opcode, 0x80 | n};
    memcpy(frame + 6, payload, n);
    if (send(s, frame, 6 + n, 0) != (ssize_t)(6 + n)) fail("cannot send");
}

static size_t receive(int s, int *opcode) { /* one message into buffer; its length */
    for (;;) {
        uint8_t head[2], more[8];
        read_all(s, head, 2);
        uint64_t n = head[1] & 127;
        int extra = n == 126 ? 2 : n == 127 ? 8 : 0;
        if (extra) { read_all(s, more, extra); n = 0; for (int i = 0; i < extra; i++) n = n << 8 | more[i]; }
        if (n >= MOST) fail("message too long");
        read_all(s, buffer, n);
        buffer[n] = 0;
        *opcode = head[0] & 15;
        if (*opcode == 8) fail("the exchange closed the connection");
        if (*opcode == 9) send_frame(s, 10, buffer, n < 126 ? n : 0); else return n;
    }
}

static uint64_t word(const uint8_t *at) { uint64_t w; memcpy(&w, at, 8); return w; }

static void set_level(Symbol *of, int side, int64_t price, int64_t lots) {
    int64_t step = side ? 1 : -1, *best = &of->best[side];
    if (price < 0 || price >= of->capacity) fail("a price above the hello's highest");
    of->lots[side][price] = lots;
    if (lots && (*best < 0 || (side ? price < *best : price > *best))) *best = price;
    while (*best >= 0 && *best < of->capacity && !of->lots[side][*best]) *best += step;
    if (*best >= of->capacity) *best = -1;
}

static Symbol *find(const uint8_t *name) {
    for (int i = 0; i < symbol_count; i++) if (!strncmp(symbols[i].name, (const char *)name, 8)) return &symbols[i];
    fail("unknown symbol");
    return NULL;
}

static void read_hello(void) { /* the keys come in this order */
    for (char *at = strstr((char *)buffer, "\"symbols\""); (at = strstr(at, "{\"symbol\":\"")); at++) {
        Symbol *of = &symbols[symbol_count++];
        sscanf(at, "{\"symbol\":\"%8[^\"]", of->name);
        of->numerator = atof(strstr(at, "\"price_numerator\":") + 18);
        of->divisor = atof(strstr(at, "\"price_divisor\":") + 16);
        of->capacity = atoll(strstr(at, "\"highest_price_ticks\":") + 22) + 1;
        for (int side = 0; side < 2; side++) of->lots[side] = calloc(of->capacity, 8), of->best[side] = -1;
    }
}

static uint64_t on_frame(const uint8_t *frame, uint64_t id, int orders) { /* 1 if an order was sent */
    const uint8_t *body = frame + 32;
    if (word(body) != 0x0001544200020028) return 0; /* no depth frame */
    Symbol *of = find(body + 32);
    int is_snapshot = word(frame + 24) & 1, bids = word(body + 40) & 0xFFFF, asks = word(body + 40) >> 16 & 0xFFFF;
    if (is_snapshot && of->last) for (int side = 0; side < 2; side++) memset(of->lots[side], 0, 8 * of->capacity), of->best[side] = -1;
    if (!is_snapshot && word(body + 16) <= of->last) return 0;
    for (int i = 0; i < bids + asks; i++) set_level(of, i >= bids, word(body + 48 + 16 * i), word(body + 56 + 16 * i));
    of->last = word(body + 16);
    if (is_snapshot || ++of->diffs % EVERY) return 0;
    struct { uint64_t header, cause, sequence, inner, id, lots; double price; uint64_t time; char symbol[8]; uint8_t side, zero[15]; } order =
        {0x0001544200110010, of->last, ++of->sequence, 0x0001544200010038, id, LOTS, 0, 0, "", of->sequence % 2, {0}};
    order.price = of->best[!order.side] * of->numerator / of->divisor;
    memcpy(order.symbol, of->name, 8);
    send_frame(orders, 2, &order, sizeof order);
    return 1;
}

int main(int n, char **arguments) {
    if (n != 3) fail("usage: client FEED_URL ORDERS_URL");
    int orders = open_websocket(arguments[2]), feed = open_websocket(arguments[1]), opcode;
    uint64_t session = (uint64_t)getpid() << 32, sent = 0, done[6] = {0};
    receive(orders, &opcode);
    receive(feed, &opcode);
    read_hello();
    while (receive(feed, &opcode), opcode == 2) sent += on_frame(buffer, session | (sent + 1), orders); /* the text is the end */
    while (done[2] + done[3] + done[4] < sent) receive(orders, &opcode), done[buffer[24] < 6 ? buffer[24] : 0]++;
    send_frame(orders, 8, "\x03\xe8", 2);
    printf("{\"orders\": %lu, \"fill\": %lu, \"expired\": %lu, \"reject\": %lu}\n", sent, done[2], done[4], done[3]);
}
