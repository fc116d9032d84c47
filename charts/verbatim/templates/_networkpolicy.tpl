{{/* Rules of NetworkPolicies. */}}

{{/* Who reaches these TCP ports: (dict "ports" LIST "from" PEERS). Without peers, nobody: an empty list would mean everybody. */}}
{{- define "verbatim.ingress" -}}
{{- if .from -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  from:
    {{- toYaml .from | nindent 4 }}
{{- end }}
{{- end }}

{{/* What is reached: TCP ports, and peers; without peers, anywhere: (dict "ports" LIST "to" PEERS). */}}
{{- define "verbatim.egress" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "verbatim.egress.dns" -}}
{{- with .Values.networkPolicy.dns -}}
# DNS.
- ports:
    {{- range .ports }}
    - port: {{ . }}
      protocol: UDP
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "verbatim.egress.otlp" -}}
{{- if .Values.otlp.endpoint -}}
# Traces.
{{ include "verbatim.egress" .Values.networkPolicy.otlp }}
{{- end }}
{{- end }}
