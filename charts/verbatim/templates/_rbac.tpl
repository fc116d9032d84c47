{{/*
The rules of one of the roles in deploy/operator/rbac.yaml, of which files/rbac.yaml is a copy: (dict "context" $ "role" NAME).
The lease there has the operator's default name; here it has the release's.
*/}}
{{- define "verbatim.rules" -}}
{{- $lease := include "verbatim.operator" .context -}}
{{- $found := list -}}
{{- range splitList "\n---\n" (.context.Files.Get "files/rbac.yaml") -}}
{{- $role := fromYaml . -}}
{{- if eq $role.metadata.name $.role -}}
{{- $found = $role.rules -}}
{{- end -}}
{{- end -}}
{{- if not $found }}{{ fail (printf "files/rbac.yaml has no role %s" .role) }}{{ end -}}
rules:
{{- range $found }}
{{- if .resourceNames }}{{ $_ := set . "resourceNames" (list $lease) }}{{ end }}
{{ toYaml (list .) | indent 2 }}
{{- end }}
{{- end }}

{{/* Binds a role to the operator: (dict "context" $ "kind" Role|ClusterRole "role" NAME). */}}
{{- define "verbatim.binds" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .role }}
subjects:
  - kind: ServiceAccount
    name: {{ include "verbatim.serviceAccount" .context }}
    namespace: {{ .context.Release.Namespace }}
{{- end }}
