{{/* Rules of NetworkPolicies. */}}

{{/* Ingress to TCP ports: (dict "ports" LIST "from" PEERS). Without peers no rule, since an empty list would allow all. */}}
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

{{/* Egress to TCP ports of peers, or of any address without peers: (dict "ports" LIST "to" PEERS). */}}
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
