#include "shim.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <math.h>
#include <string.h>

// Bytes of a read from the source.
#define BUFFER_BYTES (64 << 10)
// Bytes and microseconds until the streams of a file have to be known.
#define PROBE_BYTES (4 << 20)
#define PROBE_MICROSECONDS (5 * AV_TIME_BASE)
// Packets of one stream that may be read ahead, and streams of one file.
#define PROBE_PACKETS 500
#define MAX_STREAMS 64
// Frames of one packet: headers may declare any number.
#define MAX_FRAMES (1 << 22)

struct vf_input {
  vf_source source;
  AVFormatContext *format;
  AVIOContext *io;
  AVPacket *packet;
};

struct vf_decoder {
  AVCodecContext *context;
  AVFrame *frame;
};

static int read_source(void *opaque, uint8_t *buffer, int length) {
  vf_input *input = opaque;
  int got = input->source.read(input->source.source, buffer, length);
  return got == 0 ? AVERROR_EOF : got < 0 ? AVERROR(EIO) : got;
}

static int64_t seek_source(void *opaque, int64_t offset, int whence) {
  vf_input *input = opaque;
  if (whence & AVSEEK_SIZE) return input->source.length;
  switch (whence & ~AVSEEK_FORCE) {
  case SEEK_SET:
    break;
  case SEEK_END:
    if (offset > 0 || offset < -input->source.length) return AVERROR(EINVAL);
    offset += input->source.length;
    break;
  default:
    // libavformat resolves SEEK_CUR itself.
    return AVERROR(EINVAL);
  }
  if (offset < 0) return AVERROR(EINVAL);
  int64_t at = input->source.seek(input->source.source, offset);
  return at < 0 ? AVERROR(EIO) : at;
}

// A file may name other files (playlists, references of QuickTime): none is opened.
static int refuse_to_open(AVFormatContext *s, AVIOContext **pb, const char *url, int flags, AVDictionary **options) {
  (void)s, (void)pb, (void)url, (void)flags, (void)options;
  return AVERROR(EPERM);
}

static double seconds(int64_t time, AVRational base) {
  return time == AV_NOPTS_VALUE || base.den == 0 ? NAN : (double)time * av_q2d(base);
}

void vf_init(size_t max_allocation) {
  av_log_set_level(AV_LOG_QUIET);
  av_max_alloc(max_allocation);
}

void vf_error(int code, char *message, size_t length) { av_strerror(code, message, length); }

int vf_open(vf_input **result, const vf_source *source, const char *name, const char *option_text) {
  int error = AVERROR(ENOMEM);
  uint8_t *buffer = NULL;
  AVDictionary *options = NULL;
  vf_input *input = av_mallocz(sizeof *input);
  if (!input) return error;
  input->source = *source;
  input->packet = av_packet_alloc();
  input->format = avformat_alloc_context();
  buffer = av_malloc(BUFFER_BYTES);
  if (!input->packet || !input->format || !buffer) {
    av_free(buffer);
    goto failed;
  }
  input->io = avio_alloc_context(buffer, BUFFER_BYTES, 0, input, read_source, NULL, source->length < 0 ? NULL : seek_source);
  if (!input->io) {
    av_free(buffer);
    goto failed;
  }
  AVFormatContext *format = input->format;
  format->pb = input->io;
  format->io_open = refuse_to_open;
  format->probesize = PROBE_BYTES;
  format->max_analyze_duration = PROBE_MICROSECONDS;
  format->max_probe_packets = PROBE_PACKETS;
  format->max_streams = MAX_STREAMS;
  format->flags |= AVFMT_FLAG_CUSTOM_IO;

  const AVInputFormat *kind = NULL;
  if (name) {
    kind = av_find_input_format(name);
    error = AVERROR_DEMUXER_NOT_FOUND;
    if (!kind) goto failed;
    error = option_text ? av_dict_parse_string(&options, option_text, "=", ":", 0) : 0;
    if (error < 0) goto failed;
  } else {
    error = av_probe_input_buffer2(input->io, &kind, NULL, NULL, 0, PROBE_BYTES);
    if (error < 0) goto failed;
    // Below this, a probe recommends to read on and try again: it has seen something that fits, and no proof.
    if (error < AVPROBE_SCORE_RETRY) {
      error = AVERROR_INVALIDDATA;
      goto failed;
    }
  }
  // On failure it frees the context, and not our I/O.
  error = avformat_open_input(&input->format, NULL, kind, &options);
  if (error < 0) goto failed;
  // A file with a damaged start may still have packets: the streams that are known by now decide.
  error = avformat_find_stream_info(input->format, NULL);
  if (error < 0 && input->format->nb_streams == 0) goto failed;
  av_dict_free(&options);
  *result = input;
  return 0;

failed:
  av_dict_free(&options);
  vf_close(input);
  return error;
}

void vf_close(vf_input *input) {
  if (!input) return;
  avformat_close_input(&input->format);
  if (input->io) av_freep(&input->io->buffer);
  avio_context_free(&input->io);
  av_packet_free(&input->packet);
  av_free(input);
}

const char *vf_format(const vf_input *input) { return input->format->iformat->name; }

const char *vf_format_title(const vf_input *input) { return input->format->iformat->long_name; }

int vf_has_discontinuities(const vf_input *input) { return !!(input->format->iformat->flags & AVFMT_TS_DISCONT); }

double vf_start(const vf_input *input) { return seconds(input->format->start_time, AV_TIME_BASE_Q); }

double vf_duration(const vf_input *input) { return seconds(input->format->duration, AV_TIME_BASE_Q); }

int vf_is_estimated(const vf_input *input) {
  return input->format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
}

int vf_stream_count(const vf_input *input) { return (int)input->format->nb_streams; }

void vf_describe(const vf_input *input, int index, vf_stream *description) {
  const AVStream *stream = input->format->streams[index];
  const AVCodecParameters *parameters = stream->codecpar;
  const AVDictionaryEntry *language = av_dict_get(stream->metadata, "language", NULL, 0);
  *description = (vf_stream){
      .is_audio = parameters->codec_type == AVMEDIA_TYPE_AUDIO,
      .is_default = !!(stream->disposition & AV_DISPOSITION_DEFAULT),
      .has_decoder = avcodec_find_decoder(parameters->codec_id) != NULL,
      .rate = parameters->sample_rate,
      .channels = parameters->ch_layout.nb_channels,
      .start = seconds(stream->start_time, stream->time_base),
      .duration = seconds(stream->duration, stream->time_base),
      .codec = avcodec_get_name(parameters->codec_id),
      .language = language ? language->value : NULL,
  };
}

void vf_select(vf_input *input, int selected) {
  for (unsigned i = 0; i < input->format->nb_streams; i++)
    input->format->streams[i]->discard = (int)i == selected ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
}

int vf_read(vf_input *input, int *stream, int *end) {
  av_packet_unref(input->packet);
  int error = av_read_frame(input->format, input->packet);
  *end = error == AVERROR_EOF;
  if (*end) return 0;
  if (error < 0) return error;
  *stream = input->packet->stream_index;
  return 0;
}

int vf_decoder_open(vf_decoder **result, const vf_input *input, int index) {
  const AVStream *stream = input->format->streams[index];
  const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
  if (!codec) return AVERROR_DECODER_NOT_FOUND;
  int error = AVERROR(ENOMEM);
  vf_decoder *decoder = av_mallocz(sizeof *decoder);
  if (!decoder) return error;
  decoder->frame = av_frame_alloc();
  decoder->context = avcodec_alloc_context3(codec);
  if (!decoder->frame || !decoder->context) goto failed;
  error = avcodec_parameters_to_context(decoder->context, stream->codecpar);
  if (error < 0) goto failed;
  decoder->context->pkt_timebase = stream->time_base;
  decoder->context->thread_count = 1;
  decoder->context->max_samples = MAX_FRAMES;
  error = avcodec_open2(decoder->context, codec, NULL);
  if (error < 0) goto failed;
  *result = decoder;
  return 0;

failed:
  vf_decoder_close(decoder);
  return error;
}

void vf_decoder_close(vf_decoder *decoder) {
  if (!decoder) return;
  avcodec_free_context(&decoder->context);
  av_frame_free(&decoder->frame);
  av_free(decoder);
}

const char *vf_codec(const vf_decoder *decoder) { return avcodec_get_name(decoder->context->codec_id); }

const char *vf_codec_title(const vf_decoder *decoder) {
  const AVCodecDescriptor *descriptor = avcodec_descriptor_get(decoder->context->codec_id);
  return descriptor ? descriptor->long_name : NULL;
}

int vf_send(vf_decoder *decoder, vf_input *input) {
  int error = avcodec_send_packet(decoder->context, input ? input->packet : NULL);
  return error == AVERROR(EAGAIN) ? VF_AGAIN : error == AVERROR_EOF ? 0 : error;
}

int vf_receive(vf_decoder *decoder, vf_block *block) {
  int error = avcodec_receive_frame(decoder->context, decoder->frame);
  if (error == AVERROR(EAGAIN)) return VF_AGAIN;
  if (error == AVERROR_EOF) return VF_END;
  if (error < 0) return error;
  const AVFrame *frame = decoder->frame;
  *block = (vf_block){
      .rate = frame->sample_rate,
      .channels = frame->ch_layout.nb_channels,
      .frames = frame->nb_samples,
      .time = seconds(frame->best_effort_timestamp, decoder->context->pkt_timebase),
  };
  return 0;
}

int vf_channel(const vf_decoder *decoder, int channel) {
  return av_channel_layout_channel_from_index(&decoder->frame->ch_layout, (unsigned)channel);
}

// Two loops, so that the compiler vectorises the usual one.
#define COPY(type, expression)                                                                                          \
  do {                                                                                                                  \
    const type *from = (const type *)plane;                                                                             \
    if (step == 1) {                                                                                                    \
      for (int i = 0; i < count; i++) {                                                                                 \
        const type sample = from[i];                                                                                    \
        samples[i] = (float)(expression);                                                                               \
      }                                                                                                                 \
    } else {                                                                                                            \
      for (int i = 0; i < count; i++) {                                                                                 \
        const type sample = from[(size_t)i * step];                                                                     \
        samples[i] = (float)(expression);                                                                               \
      }                                                                                                                 \
    }                                                                                                                   \
    return 0;                                                                                                           \
  } while (0)

int vf_copy(const vf_decoder *decoder, int channel, float *restrict samples) {
  const AVFrame *frame = decoder->frame;
  enum AVSampleFormat format = frame->format;
  int planar = av_sample_fmt_is_planar(format);
  // FFmpeg aligns the samples of a frame for its own vector instructions.
  const uint8_t *plane =
      planar ? frame->extended_data[channel]
             : frame->extended_data[0] + (size_t)channel * (size_t)av_get_bytes_per_sample(format);
  size_t step = planar ? 1 : (size_t)frame->ch_layout.nb_channels;
  int count = frame->nb_samples;
  switch (av_get_packed_sample_fmt(format)) {
  case AV_SAMPLE_FMT_U8: COPY(uint8_t, (sample - 128) * (1.0f / 128.0f));
  case AV_SAMPLE_FMT_S16: COPY(int16_t, sample * (1.0f / 32768.0f));
  case AV_SAMPLE_FMT_S32: COPY(int32_t, sample * (1.0f / 2147483648.0f));
  case AV_SAMPLE_FMT_S64: COPY(int64_t, sample / 9223372036854775808.0);
  case AV_SAMPLE_FMT_FLT: COPY(float, sample);
  case AV_SAMPLE_FMT_DBL: COPY(double, sample);
  default: return AVERROR_PATCHWELCOME;
  }
}
