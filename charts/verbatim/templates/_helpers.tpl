{{/* Names, labels and images. */}}

{{- define "verbatim.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters, so that names with suffixes fit into a label. */}}
{{- define "verbatim.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "verbatim.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "verbatim.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "verbatim.operator" -}}
{{ include "verbatim.fullname" . }}-operator
{{- end }}

{{- define "verbatim.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "verbatim.operator" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* Selector of the operator's pods. It must never change, since a Deployment's selector cannot. */}}
{{- define "verbatim.operator.selector" -}}
app.kubernetes.io/name: {{ include "verbatim.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Selector of workers: the operator sets this label on the pods of all jobs (crds/src/contract). */}}
{{- define "verbatim.worker.selector" -}}
matchExpressions:
  - key: verbatim.dev/job
    operator: Exists
{{- end }}

{{/* Labels of all objects. Values can override them, except for the selector's. */}}
{{- define "verbatim.labels" -}}
{{- $selectorLabels := dict "app.kubernetes.io/name" (include "verbatim.name" .) "app.kubernetes.io/instance" .Release.Name }}
{{- $metadataLabels := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/part-of" "verbatim"
  "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $selectorLabels .Values.commonLabels $metadataLabels) }}
{{- end }}

{{/*
The metadata of an object: name, namespace, labels, annotations.
(dict "context" $ "name" NAME [ "namespace" NAMESPACE | "cluster" true ] [ "component" COMPONENT ] [ "labels" DICT ] [ "annotations" DICT ])
*/}}
{{- define "verbatim.metadata" -}}
{{- $values := .context.Values -}}
metadata:
  name: {{ .name }}
  {{- if not .cluster }}
  namespace: {{ .namespace | default .context.Release.Namespace }}
  {{- end }}
  labels:
    {{- $own := .labels | default dict }}
    {{- with .component }}{{ $own = merge (dict "app.kubernetes.io/component" .) $own }}{{ end }}
    {{- toYaml (merge (dict) $own (include "verbatim.labels" .context | fromYaml)) | nindent 4 }}
  {{- with merge (dict) (.annotations | default dict) $values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Reference of an image: (dict "context" $ "image" .Values.operator.image). */}}
{{- define "verbatim.image" -}}
{{- $all := .context.Values.image -}}
{{- $tag := .image.tag | default $all.tag | default .context.Chart.AppVersion -}}
{{- with $all.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{/* Pod template of workers: the values' template, completed with pull policy, pull secrets and resources. */}}
{{- define "verbatim.workerTemplate" -}}
{{- $template := deepCopy .Values.worker.template }}
{{- $spec := $template.spec | default dict }}
{{- $worker := dict "name" "worker" }}
{{- $others := list }}
{{- range $spec.containers }}
{{- if eq .name "worker" }}{{ $worker = . }}{{ else }}{{ $others = append $others . }}{{ end }}
{{- end }}
{{- $worker = merge $worker (dict "imagePullPolicy" .Values.image.pullPolicy) }}
{{- with .Values.worker.resources }}{{ $worker = merge $worker (dict "resources" .) }}{{ end }}
{{- $_ := set $spec "containers" (prepend $others $worker) }}
{{- range .Values.worker.imagePullSecrets }}
{{- $_ := set $spec "imagePullSecrets" (append ($spec.imagePullSecrets | default list) (dict "name" .)) }}
{{- end }}
{{- $_ := set $template "spec" $spec }}
{{- toYaml $template }}
{{- end }}

{{/* Whether to create objects of the Prometheus operator: "true" or nothing. */}}
{{- define "verbatim.monitoring" -}}
{{- $enabled := .Values.monitoring.enabled }}
{{- if eq (toString $enabled) "auto" }}
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}true{{ end }}
{{- else if $enabled }}true{{ end }}
{{- end }}
