/* What Python lays out once and the kernels read: tables.py has the same structures, field by field. */
#ifndef JOSEFINE_TABLES_H
#define JOSEFINE_TABLES_H

#include <stdint.h>

/* Columns of a matrix that stand together: a matrix of k rows and n columns is stored as n / 64 panels of k x 64. */
#define PANEL 64

/* A transform of `size` reals by way of size / 2 complex numbers. */
struct transform {
    int32_t size;
    int32_t radices[8];    /* of the passes over the complex numbers, each 2, 4 or 5; 0 behind the last */
    const float* window;   /* [size]: by which samples of 16 bits are multiplied */
    const float* twiddles; /* (re, im) for each pass, each of its butterflies q and each j in 1 .. radix - 1 */
    const float* turns;    /* (re, im) of exp(-2 pi i k / size), k in 0 .. size / 2 */
};

struct mel {
    struct transform transform;
    int32_t mels;         /* a multiple of 16 */
    const int32_t* first; /* [mels]: the first bin that a filter looks at */
    const int32_t* bins;  /* [mels]: how many */
    const float* weights; /* those bins' weights, filter behind filter */
};

/* Some of a layer's inputs times a matrix: some of its outputs. */
struct product {
    int32_t input, depth;  /* the first input, how many */
    int32_t output, width; /* the first output, how many: a multiple of PANEL */
    const float* matrix;   /* panels of [depth][PANEL] */
    const float* bias;     /* [width] */
};

struct layer {
    int32_t products;
    int32_t rectified; /* whether what is below 0 becomes 0 */
    const struct product* product;
};

/* Silero VAD: spectra, layers up to what drives the cell's gates, the cell, one output. */
struct voice {
    struct transform transform;
    int32_t layers;
    const struct layer* layer; /* the last one's outputs are the gates i, f, g, o, 128 of each */
    struct product recurrent;  /* from the cell's output to its gates */
    const float* last;         /* [128] */
    float last_bias;
};

#endif
