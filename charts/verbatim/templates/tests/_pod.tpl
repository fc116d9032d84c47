{{/*
The spec of a test's pod, of the workers' image: (dict "context" $ "arguments" LIST [ "config" CONFIGMAP "spec" SPEC OF THE JOB ]).
With a job, it reaches the store as the job's workers do.
*/}}
{{- define "verbatim.testPod" -}}
{{- $values := .context.Values -}}
{{- $storage := dig "storage" dict (.spec | default dict) -}}
restartPolicy: Never
activeDeadlineSeconds: {{ $values.tests.timeoutSeconds }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with dig "template" "spec" "serviceAccountName" "" (.spec | default dict) }}
serviceAccountName: {{ . }}
{{- end }}
{{- with $values.worker.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: test
    image: {{ include "verbatim.image" (dict "context" .context "image" $values.worker.image) }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args:
      {{- toYaml .arguments | nindent 6 }}
    resources:
      requests:
        cpu: 100m
        memory: 128Mi
      limits:
        memory: 512Mi
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    {{- if $storage.credentialsSecretRef }}
    envFrom:
      - secretRef:
          name: {{ $storage.credentialsSecretRef.name }}
    {{- end }}
    {{- if $storage.caBundleRef }}
    env:
      - name: AWS_CA_BUNDLE
        value: /etc/verbatim-ca/ca.crt
    {{- end }}
    {{- if .config }}
    volumeMounts:
      - name: job
        mountPath: /etc/verbatim
        readOnly: true
      {{- if $storage.caBundleRef }}
      - name: ca
        mountPath: /etc/verbatim-ca
        readOnly: true
      {{- end }}
    {{- end }}
{{- if .config }}
volumes:
  - name: job
    configMap:
      name: {{ .config }}
  {{- with $storage.caBundleRef }}
  - name: ca
    configMap:
      name: {{ .name }}
      items:
        - key: {{ .key }}
          path: ca.crt
  {{- end }}
{{- end }}
{{- end }}
