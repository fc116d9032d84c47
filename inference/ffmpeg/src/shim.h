// What the crate uses of libavformat and libavcodec, without their structs: those differ between versions of
// FFmpeg, and the compiler that sees the real headers knows them best.
//
// Functions return 0 or a positive number on success, and a negative error code of FFmpeg on failure.
#ifndef VERBATIM_FFMPEG_SHIM_H
#define VERBATIM_FFMPEG_SHIM_H

#include <stddef.h>
#include <stdint.h>

// End of the file or of a decoder's output, and "more input is needed".
#define VF_END 1
#define VF_AGAIN 2

typedef struct vf_input vf_input;
typedef struct vf_decoder vf_decoder;

typedef struct {
  // Bytes read, 0 at the end, negative after an error.
  int (*read)(void *source, uint8_t *buffer, int length);
  // The new position, negative after an error.
  int64_t (*seek)(void *source, int64_t offset);
  void *source;
  // Length in bytes; negative if the source cannot seek.
  int64_t length;
} vf_source;

typedef struct {
  int is_audio;
  int is_default;
  int has_decoder;
  int rate;
  int channels;
  // Seconds; NaN if unknown.
  double start;
  double duration;
  const char *codec;
  const char *language; // null if unknown
} vf_stream;

typedef struct {
  int rate;
  int channels;
  int frames;
  // Seconds; NaN if unknown.
  double time;
} vf_block;

void vf_init(size_t max_allocation);
void vf_error(int code, char *message, size_t length);

// Finds the format by content, or takes the one of that name with these options ("name=value:name=value", or
// null); opens the file, and finds the streams.
int vf_open(vf_input **input, const vf_source *source, const char *format, const char *options);
void vf_close(vf_input *input);
const char *vf_format(const vf_input *input);
// Name of the format for people; may be null.
const char *vf_format_title(const vf_input *input);
int vf_has_discontinuities(const vf_input *input);
// Seconds; NaN if unknown.
double vf_start(const vf_input *input);
double vf_duration(const vf_input *input);
// Whether durations are estimates by the size of the file and the bit rate of its start.
int vf_is_estimated(const vf_input *input);
int vf_stream_count(const vf_input *input);
void vf_describe(const vf_input *input, int stream, vf_stream *description);
// Only the packets of this stream are read from now on.
void vf_select(vf_input *input, int stream);
// Reads the next packet: its stream, or VF_END in `end`.
int vf_read(vf_input *input, int *stream, int *end);

int vf_decoder_open(vf_decoder **decoder, const vf_input *input, int stream);
void vf_decoder_close(vf_decoder *decoder);
const char *vf_codec(const vf_decoder *decoder);
// Name of the codec for people; may be null.
const char *vf_codec_title(const vf_decoder *decoder);
// Sends the packet that `vf_read` read; a null input ends the stream.
int vf_send(vf_decoder *decoder, vf_input *input);
// Next block of samples: 0, VF_AGAIN, VF_END, or an error.
int vf_receive(vf_decoder *decoder, vf_block *block);
// Position of a channel of the block, as FFmpeg numbers them (AV_CHAN_...).
int vf_channel(const vf_decoder *decoder, int channel);
// Copies a channel of the block, as numbers between -1 and 1. Returns 0, or an error for an unknown format.
int vf_copy(const vf_decoder *decoder, int channel, float *samples);

#endif
