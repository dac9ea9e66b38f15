/* A naive single-writer order book in C, behind the same function pointers as the compiled variants.
   words: 0 capacity, 1 sequence, 2..3 levels of bid and ask, 4..5 best price of bid and ask, then one quantity a price and side. */
#include <stdint.h>

enum { CAPACITY, SEQUENCE, COUNT, BEST = 4, QUANTITY = 8 };

static int64_t *level(int64_t *book, int64_t side, int64_t price) { return book + QUANTITY + side * book[CAPACITY] + price; }

static int64_t next_price(int64_t *book, int64_t side, int64_t price) {
    for (int64_t step = side ? 1 : -1; price >= 0 && price < book[CAPACITY]; price += step)
        if (*level(book, side, price)) return price;
    return -1;
}

int64_t book_update(int64_t *book, int64_t thread, int64_t side, int64_t price, int64_t quantity) {
    (void)thread;
    if (side < 0 || side > 1 || price < 0 || price >= book[CAPACITY] || quantity < 0 || quantity >= INT64_C(1) << 37) return -1;
    int64_t *at = level(book, side, price), *best = book + BEST + side;
    book[COUNT + side] += (quantity != 0) - (*at != 0);
    *at = quantity;
    if (quantity && (*best < 0 || (side ? price < *best : price > *best))) *best = price;
    if (!quantity && price == *best) *best = next_price(book, side, price);
    return ++book[SEQUENCE];
}

int64_t book_best(int64_t *book, int64_t thread, int64_t *out) {
    (void)thread;
    for (int side = 0; side < 2; side++) {
        out[2 * side] = book[BEST + side];
        out[2 * side + 1] = book[BEST + side] < 0 ? 0 : *level(book, side, book[BEST + side]);
    }
    return 0;
}

int64_t book_top(int64_t *book, int64_t thread, int64_t side, int64_t n, int64_t *out) {
    (void)thread;
    int64_t rows = 0;
    for (int64_t price = book[BEST + side]; rows < n && price >= 0; price = next_price(book, side, price + (side ? 1 : -1))) {
        out[2 * rows] = price;
        out[2 * rows++ + 1] = *level(book, side, price);
    }
    return rows;
}

int64_t book_level_count(int64_t *book, int64_t thread, int64_t side) { (void)thread; return book[COUNT + side]; }
int64_t book_sequence(int64_t *book, int64_t thread) { (void)thread; return book[SEQUENCE]; }
